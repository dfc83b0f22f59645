import { isTimestampFormat } from "../timestamp.ts";
import { LOG_TYPES, type LogType } from "./logging_schema.ts";
import type { MosquittoKey } from "./mosquitto_keys.ts";

/** Keys of mosquitto.conf about its log. */
export function mosquittoLogKeys(): Record<string, MosquittoKey> {
  return {
    log_dest: (line, draft) => {
      const [kind = "", ...rest] = line.words();
      switch (kind) {
        case "stdout":
        case "stderr":
        case "topic":
          draft.destinations.push(kind);
          return undefined;
        case "file":
          if (rest.length === 0) throw line.error("file needs a path");
          draft.destinations.push({ file: rest.join(" ") });
          return undefined;
        case "none":
          draft.isSilent = true;
          return undefined;
        case "syslog":
        case "dlt":
          draft.destinations.push("stderr");
          return `${kind} is not there: lines go to standard error, which systemd keeps in its journal`;
        default:
          throw line.error("is not stdout, stderr, syslog, topic, file, dlt or none");
      }
    },
    log_facility: () => "is not looked at: there is no syslog",
    log_timestamp: (line, { logging }) => void (logging.timestamps = line.boolean()),
    log_timestamp_format: (line, { logging }) => {
      const format = line.text();
      if (!isTimestampFormat(format)) throw line.error("has a conversion of strftime that is not known here");
      logging.timestampFormat = format;
    },
    log_type: (line, draft) => {
      draft.hasLogType = true;
      const word = line.text();
      if (word === "all") draft.logTypes.push(...LOG_TYPES);
      else if (word === "none") draft.logTypes.length = 0;
      else if (word === "websockets") return "websockets is not there: what goes wrong is told as notice";
      else draft.logTypes.push(line.choice<LogType>(...LOG_TYPES));
      return undefined;
    },
    connection_messages: (line, { logging }) => void (logging.connectionMessages = line.boolean()),
  };
}
