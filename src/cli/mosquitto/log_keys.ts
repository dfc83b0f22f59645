import { LOG_TYPES, type LogType } from "../config/logging_schema.ts";
import { isTimestampFormat } from "../log/timestamp.ts";
import type { MosquittoKey } from "./key.ts";

/** Keys of mosquitto.conf about its log. */
export function mosquittoLogKeys(): Record<string, MosquittoKey> {
  return {
    log_dest: (line, draft) => {
      const { word: kind, rest } = line.word();
      if (kind !== "file") line.onlyWord();
      draft.isSilent = kind === "none";
      switch (kind) {
        case "stdout":
        case "stderr":
        case "topic":
          draft.destinations.push(kind);
          return undefined;
        case "file":
          if (rest === "") throw line.error("file needs a path");
          if (draft.destinations.some((other) => typeof other === "object")) throw line.error("file is there already");
          draft.destinations.push({ file: rest });
          return undefined;
        case "none": // Drops the destinations so far, as mosquitto does.
          draft.destinations.length = 0;
          return undefined;
        case "syslog":
        case "dlt":
        case "android":
          draft.destinations.push("stderr");
          return `${kind} is not there: lines go to standard error, which systemd keeps in its journal`;
        default:
          throw line.error("is not stdout, stderr, syslog, topic, file, dlt, android or none");
      }
    },
    log_facility: () => "is not looked at: there is no syslog",
    log_timestamp: (line, { logging }) => void (logging.timestamps = line.boolean()),
    log_timestamp_format: (line, { logging }) => {
      if (logging.timestampFormat !== undefined) throw line.error("is there already");
      const format = line.text();
      if (!isTimestampFormat(format)) throw line.error("has a conversion of strftime that is not known here");
      logging.timestampFormat = format;
    },
    log_type: (line, draft) => {
      draft.hasLogType = true;
      const word = line.onlyWord();
      if (word === "all") draft.logTypes.push(...LOG_TYPES);
      else if (word === "none") draft.logTypes.length = 0;
      else if (word === "websockets") return "websockets is not there: what goes wrong is told as notice";
      else if (word === "internal") return "internal is not there";
      else draft.logTypes.push(line.choice<LogType>(...LOG_TYPES));
      return undefined;
    },
    connection_messages: (line, { logging }) => void (logging.connectionMessages = line.boolean()),
  };
}
