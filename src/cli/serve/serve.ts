import { Broker } from "../../broker/broker.ts";
import type { BrokerEvent } from "../../broker/events.ts";
import type { BrokerOptions } from "../../broker/options.ts";
import { VERSION } from "../../broker/sys_topics.ts";
import { type Command, command, unknownArgument } from "../command.ts";
import { settingsWith } from "../../protocol/setting_table.ts";
import { configurationOf, type Written } from "../config/configuration.ts";
import type { Configuration } from "../config/settings.ts";
import { eventLog, type Logs, packetLog } from "../log/event_log.ts";
import { printable } from "../../codec/printable.ts";
import { Log } from "../log/log.ts";
import { SummarizedLog } from "../log/summarized_log.ts";
import { printLine, type ProgramEnvironment, type ProgramIo } from "../program_io.ts";
import { openStorage, parseStorageOption, storageError } from "../storage_option.ts";
import { acceptAll, ConnectionGate } from "./accepting.ts";
import { Access } from "./access.ts";
import { check, warningsOf } from "./check.ts";
import type { Dashboard, DashboardParts } from "./dashboard.ts";
import { applyBans, Reload } from "./reload.ts";
import { Listening } from "./listening.ts";
import { boundByMemory } from "./memory_share.ts";
import { PidFile } from "./pid_file.ts";
import { SERVE_DESCRIPTION, type ServeRequest, serveRequest } from "./serve_options.ts";
import { ignoreOtherSignals, onReload, saveSignalWarning, Termination } from "./signals.ts";

const EXIT_STORAGE_LOST = 3;
// Time limit for closing a lost storage, which may not even answer that it is closed.
const LOST_CLOSE_MS = 6_000;
// Lines within 10 s: many errors have one cause.
const MOST_ERROR_LINES = 5;

/**
 * Command that runs the broker until a signal ends it, or it has lost its storage.
 *
 * @throws ConfigError, ListenError, StorageError
 */
export const SERVE: Command = command({
  ...SERVE_DESCRIPTION,
  run(given, io) {
    const [operand] = given.operands;
    if (operand !== undefined) throw unknownArgument(SERVE_DESCRIPTION, operand);
    if (!given.values.version) return serve(serveRequest(given, io.environment), io);
    printLine(io.stdout, `brooklet ${VERSION}`);
    return 0;
  },
});

async function serve(request: ServeRequest, io: ProgramIo): Promise<number> {
  if (request.action === "check") return await check(request, io);
  const { written, overrides } = await request.read();
  const configuration = configurationOf(written, overrides);
  if (request.action === "run") return await run(request, configuration, startWarnings(written, configuration), io);
  const { effectiveYaml } = await import("../config/print.ts");
  printLine(io.stdout, effectiveYaml(configuration).trimEnd());
  for (const warning of warningsOf(written, configuration)) printLine(io.stderr, `brooklet: ${printable(warning)}`);
  return 0;
}

function startWarnings(written: Written, configuration: Configuration): readonly string[] {
  const save = written.isOfMosquitto ? saveSignalWarning() : undefined;
  const warnings = warningsOf(written, configuration);
  return save === undefined ? warnings : [...warnings, save];
}

async function run(
  request: ServeRequest,
  configuration: Configuration,
  warnings: readonly string[],
  io: ProgramIo,
): Promise<number> {
  const access = await Access.read(configuration);
  using log = new Log(configuration.logging, io);
  const refusals = new SummarizedLog((line, type, fields) => log.line(line, type, { area: "connections", ...fields }));
  const denials = new SummarizedLog(log.line);
  const errors = new SummarizedLog(log.line, MOST_ERROR_LINES);
  const gate = new ConnectionGate();
  let reload: Reload | undefined;
  const current = () => reload?.configuration ?? configuration;
  // Declared with `using`: no socket file stays, whatever fails.
  using listening = new Listening(refusals.line, (address) => gate.admit(address, current().connections));
  const lines = await listening.listen(configuration);
  for (const { listener, index } of listening.open) access.bind(listener.url, index); // Wills may be due at once.
  using termination = new Termination(io); // Before its listening can be noticed.
  ignoreOtherSignals(log.line, io);
  io.onUncaught(({ kind, reason }) => log.line(`Error: ${kind}: ${printable(String(reason))}`, "error"));
  using _pidFile = PidFile.write(configuration.pidFile);
  const lost = Promise.withResolvers<"lost">();
  const opened = await openBroker(
    configuration,
    access,
    { log, refusals, denials, errors },
    io.environment,
    () => lost.resolve("lost"),
  );
  const { broker, says } = opened;
  listening.onRefused = broker.noteRefusal;
  listening.onWebSocketEnd = broker.noteWebSocketEnd;
  await exportTelemetry(broker, configuration);
  applyBans(broker, configuration.bans);
  log.onTopic = (severity, line) => {
    // A closed broker has no readers of its log.
    broker.publish(`$SYS/broker/log/${severity}`, line).catch(() => {});
  };
  const reloading = reload = new Reload(request, configuration, { access, log, listening, broker });
  onReload(() => reloading.run(), io); // Before its start can be noticed: by default the signal would end it.
  for (const warning of warnings) log.line(`Warning: ${warning}`, "warning");
  for (const line of [...lines, says]) log.line(line);
  const accepting = acceptAll(listening.open, broker, current, gate);
  const listeners = listening.open.map(({ listener: { url } }) => url);
  const dashboard = await dashboardOf({ broker, access, gate, log, io, listeners, reload: reloading });
  reloading.dashboard = dashboard;
  const end = await Promise.race([termination.signal, lost.promise]);
  listening.close();
  if (end === "lost") await inTime(broker.close(), LOST_CLOSE_MS);
  else {
    log.line(`${end}: shutting down`);
    await broker.close();
  }
  await dashboard?.close(); // Until now it has told that the broker ends.
  await accepting;
  for (const summarized of [refusals, denials, errors]) summarized.close();
  log.line("Brooklet has ended");
  return end === "lost" ? EXIT_STORAGE_LOST : 0;
}

/** Opens the dashboard, if there is to be one; it is loaded only then, when clients are served already. */
async function dashboardOf(parts: DashboardParts): Promise<Dashboard | undefined> {
  if (!parts.reload.configuration.admin) return undefined;
  const { openDashboard } = await import("./dashboard.ts");
  return await openDashboard(parts);
}

/** Exports metrics and spans where the environment turns the OpenTelemetry of Deno on. */
async function exportTelemetry(broker: Broker, { telemetry: { sampleRatio } }: Configuration): Promise<void> {
  const { tracerProvider: trace, meterProvider: metrics } = Deno.telemetry;
  try {
    metrics.getMeter("brooklet");
  } catch {
    return; // It is off.
  }
  const [{ startTelemetry }, { processFigures }] = await Promise.all([
    import("../../admin/telemetry.ts"),
    import("./process_figures.ts"),
  ]);
  startTelemetry(broker, { trace, metrics }, { sampleRatio, process: processFigures }); // It ends with the process.
}

/** Opens the broker with its storage. */
async function openBroker(
  configuration: Configuration,
  access: Access,
  logs: Logs,
  environment: ProgramEnvironment,
  storageLost: () => void,
): Promise<{ broker: Broker; says: string }> {
  const { storage, says } = await openStorage(parseStorageOption(configuration.storage), environment);
  const tellLog = eventLog(logs);
  const onEvent = (event: BrokerEvent) => {
    if (event.kind === "storageLost") storageLost();
    tellLog(event);
  };
  try {
    return { broker: await Broker.open({ ...brokerOptions(configuration, access, logs), storage, onEvent }), says };
  } catch (error) {
    await storage.close();
    throw storageError("read the storage", error);
  }
}

function brokerOptions(
  { limits, sysIntervalMs, responseInformation, ...configuration }: Configuration,
  { authenticator, authorizer }: Access,
  logs: Logs,
): BrokerOptions {
  return {
    ...settingsWith(configuration),
    limits: boundByMemory(limits),
    sysIntervalMs,
    authenticator,
    ...authorizer === undefined ? {} : { authorizer },
    ...responseInformation === undefined ? {} : {
      responseInformation: (clientId) => responseTopics(responseInformation, clientId),
    },
    heapBytes,
    ...machineClock(),
    ...packetLog(logs.log),
  };
}

/** Beginning of the topics on which a client gets responses; `undefined`: its identifier cannot stand in a Topic Name. */
function responseTopics(pattern: string, clientId: string): string | undefined {
  if (pattern.includes("%c") && /[+#]/.test(clientId)) return undefined;
  return pattern.replaceAll("%c", () => clientId);
}

/** Resolves when the promise has settled, or after a time limit. */
async function inTime(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise.catch(() => {}), over]);
  clearTimeout(timer);
}

/** Bytes of the heap, and of buffers outside of it, which hold bytes read and written. */
function heapBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** Uptime of the machine, if Deno may read it. */
function machineClock(): Pick<BrokerOptions, "machine"> {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "osUptime" });
  return state === "granted" ? { machine: { uptimeMs: () => Deno.osUptime() * 1_000, bootId: bootId() } } : {};
}

/** Boot id on Linux; Deno reads it only with all permissions, and prompts for none here. */
function bootId(): string | undefined {
  const path = "/proc/sys/kernel/random/boot_id";
  try {
    const { state } = Deno.permissions.querySync({ name: "read", path });
    return state === "granted" ? Deno.readTextFileSync(path).trim() : undefined;
  } catch {
    return undefined; // Another system, or fewer permissions.
  }
}
