import { useApp } from "./app.ts";
import { Checkbox, Select, TextInput } from "./components.tsx";
import { useResource } from "./resource.ts";
import type { BrokerFacts } from "./shapes.ts";

const STATES = [["connected", "Connected"], ["away", "Not connected"], ["all", "All sessions"]] as const;
const VERSIONS = [["", "Any version"], ["5", "MQTT 5"], ["3.1.1", "MQTT 3.1.1"], ["3.1", "MQTT 3.1"]] as const;

/** Filters of the list of clients, as the address of the page has them. */
export function ClientFilters({ search, onSearch, query, onChange }: {
  readonly search: string;
  readonly onSearch: (search: string) => void;
  readonly query: Readonly<Record<string, string>>;
  readonly onChange: (changes: Readonly<Record<string, string>>) => void;
}) {
  const { state = "connected", version = "", queue = "", drops = "" } = query;
  return (
    <>
      <TextInput
        type="search"
        isGrowing
        label="Search clients"
        placeholder="Search id, user, address"
        value={search}
        onValue={onSearch}
      />
      <Select label="State" value={state} options={STATES} onValue={(value) => onChange({ state: value })} />
      <Select label="Version" value={version} options={VERSIONS} onValue={(value) => onChange({ version: value })} />
      <Listeners listener={query["listener"] ?? ""} onListener={(listener) => onChange({ listener })} />
      <Checkbox isChecked={queue === "1"} onChange={(on) => onChange({ queue: on ? "1" : "" })}>Has queue</Checkbox>
      <Checkbox isChecked={drops === "1"} onChange={(on) => onChange({ drops: on ? "1" : "" })}>Has drops</Checkbox>
    </>
  );
}

/** Choice of a listener, where there are several. */
function Listeners({ listener, onListener }: {
  readonly listener: string;
  readonly onListener: (listener: string) => void;
}) {
  const app = useApp();
  const { data } = useResource("listeners", (signal) => app.api.get<BrokerFacts>(["broker"], { signal }));
  const urls = data?.listeners.map(({ url }) => url) ?? [];
  if (urls.length < 2 && listener === "") return null;
  const all = urls.includes(listener) || listener === "" ? urls : [...urls, listener];
  return (
    <Select
      label="Listener"
      value={listener}
      options={[["", "Any listener"], ...all.map((url) => [url, url] as const)]}
      onValue={onListener}
    />
  );
}
