/**
 * Lanes of the test run, as `tests/run.ts` runs them. A row is a file or a folder; the longest row that fits a file decides,
 * so that a new file is in the parallel lane unless it has a row of its own.
 */

export type Lane = "parallel" | "serial" | "interop";

export const LANES: Readonly<Record<Lane, readonly string[]>> = {
  /** Files that run side by side in one process: they share nothing of it, and measure nothing that its other threads change. */
  parallel: [
    "tests/",
    // Files that kill brokers and damage databases, but measure nothing of it.
    "tests/durability/damaged_file_test.ts",
    "tests/durability/fsync_order_test.ts",
    "tests/durability/lost_storage_test.ts",
    "tests/durability/storage_fault_test.ts",
    // Hostile packets one after another, and nothing that is measured.
    "tests/hostile/conversations_test.ts",
  ],
  /** Files that need the machine for themselves: they measure time or memory, kill brokers, fill disks, or flood. */
  serial: [
    "tests/admin/admin_flood_test.ts",
    "tests/admin/routes/list_load_test.ts",
    "tests/admin/topics/http_load_test.ts",
    "tests/auth/password_authenticator_test.ts",
    "tests/auth/wrong_password_flood_test.ts",
    "tests/browser/admin_flood_test.ts",
    "tests/durability/",
    "tests/hostile/",
    "tests/transport/unix_test.ts", // The umask belongs to the process.
  ],
  /** Files that need programs of Debian, nearly in each of their tests. */
  interop: [
    "tests/admin/topics/curl_test.ts",
    "tests/auth/acl_file_mosquitto_test.ts",
    "tests/auth/password_file_mosquitto_test.ts",
    "tests/auth/retained_publisher_mosquitto_test.ts",
    "tests/browser/",
    "tests/cli/client_connecting_test.ts",
    "tests/cli/client_ending_test.ts",
    "tests/cli/client_usage_test.ts",
    "tests/cli/completions_test.ts",
    "tests/cli/config/mosquitto_addresses_test.ts",
    "tests/cli/config/mosquitto_random_test.ts",
    "tests/cli/config/mosquitto_side_by_side_test.ts",
    "tests/cli/publish_command_test.ts",
    "tests/cli/request_command_test.ts",
    "tests/cli/subscribe_command_test.ts",
    "tests/cli/systemd_test.ts",
    "tests/client/mosquitto_test.ts",
    "tests/documentation_commands_test.ts",
    "tests/interop/admin_dissector_test.ts",
    "tests/interop/admin_trace_test.ts",
    "tests/interop/admin_metrics_test.ts",
    "tests/interop/bridge_test.ts",
    "tests/interop/gomqtt_test.ts",
    "tests/interop/mosquitto_clients_test.ts",
    "tests/interop/mosquitto_tls_test.ts",
    "tests/interop/mosquitto_unix_test.ts",
    "tests/interop/paho_go_test.ts",
    "tests/interop/paho_java_test.ts",
    "tests/interop/paho_python_test.ts",
    "tests/interop/tshark_test.ts",
    "tests/transport/tls_resumption_test.ts",
  ],
};

/** Files with a long form beside the short one that their lane runs; see `tests/form.ts`. */
export const LONG: readonly string[] = [
  "tests/admin/admin_flood_test.ts",
  "tests/admin/dissect/capture_reader_test.ts",
  "tests/admin/dissect/dissector_test.ts",
  "tests/admin/dissect/frames_test.ts",
  "tests/admin/every_route_test.ts",
  "tests/admin/trace/packet_contents_test.ts",
  "tests/admin/trace/tapped_side_test.ts",
  "tests/admin/trace/trace_ring_test.ts",
  "tests/admin/trace/trace_target_test.ts",
  "tests/admin/topics/http_load_test.ts",
  "tests/admin/routes/list_load_test.ts",
  "tests/admin/topics/random_requests_test.ts",
  "tests/auth/wrong_password_flood_test.ts",
  "tests/broker/deadlines_test.ts",
  "tests/broker/retained_messages_test.ts",
  "tests/broker/router_test.ts",
  "tests/broker/simulation_test.ts",
  "tests/broker/sorted_names_test.ts",
  "tests/broker/subscriber_set_test.ts",
  "tests/broker/topic_trie_test.ts",
  "tests/browser/admin_flood_test.ts",
  "tests/cli/embedding_test.ts",
  "tests/client/transports_test.ts",
  "tests/codec/properties_test.ts",
  "tests/durability/damaged_file_test.ts",
  "tests/durability/full_disk_test.ts",
  "tests/durability/offline_session_test.ts",
  "tests/durability/slow_commits_test.ts",
  "tests/durability/storage_fault_test.ts",
  "tests/durability/torture_test.ts",
  "tests/hostile/claims_test.ts",
  "tests/hostile/connections_test.ts",
  "tests/hostile/fairness_test.ts",
  "tests/hostile/wire_fuzz_test.ts",
  "tests/interop/mqttjs_test.ts",
  "tests/interop/paho_go_test.ts",
  "tests/protocol/outbox_test.ts",
  "tests/protocol/packet_identifier_set_test.ts",
  "tests/protocol/queue_test.ts",
  "tests/storage/change_json_test.ts",
  "tests/transport/web_socket_frames_test.ts",
];

/** The lane of a file, by its path from the root of the repository. */
export function laneOf(path: string): Lane | undefined {
  let longest = 0;
  let found: Lane | undefined;
  for (const lane of ["parallel", "serial", "interop"] as const) {
    for (const row of LANES[lane]) {
      if (fits(path, row) && row.length > longest) [longest, found] = [row.length, lane];
    }
  }
  return found;
}

/** Whether a row or a path of the command line, a file or a folder, means that file. */
export function fits(path: string, row: string): boolean {
  return path === row || path.startsWith(row.endsWith("/") ? row : `${row}/`);
}

/** All files of tests below a folder, by their path from the root of the repository, in order. */
export function testFiles(folder = "tests"): string[] {
  return Array.from(Deno.readDirSync(new URL(`../${folder}`, import.meta.url))).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFiles(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}
