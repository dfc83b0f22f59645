import { segmentOf } from "./api.ts";
import { Badge, Fact, Facts, Name } from "./components.tsx";
import { useNow } from "./resource.ts";
import { href } from "./router.ts";
import type { EventRow } from "./shapes.ts";
import { SidePanel } from "./side_panel.tsx";
import { specificationLink } from "./specification_links.ts";
import { clock, count } from "./text.ts";

/** Words and tone of a kind. */
const BADGES: Readonly<
  Record<string, readonly ["none" | "warn" | "bad", string]>
> = {
  ended: ["none", "Ended"],
  refused: ["bad", "Refused"],
  denied: ["bad", "Denied"],
  dropped: ["warn", "Dropped"],
  broker: ["warn", "Broker"],
  admin: ["none", "Change"],
};

export function KindBadge({ kind }: { readonly kind: string }) {
  const [tone, words] = BADGES[kind] ?? ["none", kind];
  return <Badge tone={tone}>{words}</Badge>;
}

/** One event with what helps. */
export function EventPanel({ event, onClose }: { readonly event: EventRow; readonly onClose: () => void }) {
  const now = useNow();
  return (
    <SidePanel label="Event" title={<KindBadge kind={event.kind} />} note={clock(event.time, now)} onClose={onClose}>
      <p class="break">
        <bdi>{event.message}</bdi>
      </p>
      {event.remedy !== null && (
        <div class="banner is-warn">
          <strong>What helps</strong>
          <span class="break">{withCode(event.remedy)}</span>
        </div>
      )}
      <EventFacts event={event} now={now} />
    </SidePanel>
  );
}

function EventFacts({ event, now }: { readonly event: EventRow; readonly now: number }) {
  const { clientId, principal, address, listener, reasonCode, topic, clause, help } = event;
  return (
    <Facts>
      <Fact name="Times">{event.count > 1 && `${count(event.count)}, first at ${clock(event.firstTime, now)}`}</Fact>
      <Fact name="Client">
        {clientId !== null && (
          <a href={href("clients", [segmentOf(clientId)], { state: "all", search: clientId })}>
            <Name>{clientId}</Name>
          </a>
        )}
      </Fact>
      <Fact name="User">{principal !== null && <Name isMono={false}>{principal}</Name>}</Fact>
      <Fact name="Address">{address !== null && <span class="mono">{address}</span>}</Fact>
      <Fact name="Listener">{listener !== null && <span class="mono">{listener}</span>}</Fact>
      <Fact name="Topic">{topic !== null && <Name>{topic}</Name>}</Fact>
      <Fact name="Reason Code">{reasonCode !== null && <span class="mono">{codeText(reasonCode)}</span>}</Fact>
      <Fact name="Clause">{clause !== null && <Clause clause={clause} />}</Fact>
      <Fact name="Guide">{help !== null && <span class="mono">{help}</span>}</Fact>
      <Fact name="Name in logs">
        <span class="mono">{event.name}</span>
      </Fact>
    </Facts>
  );
}

function Clause({ clause }: { readonly clause: string }) {
  const link = specificationLink(clause);
  return link === undefined ? <span>{clause}</span> : <a href={link} target="_blank" rel="noreferrer">{clause}</a>;
}

function codeText(reasonCode: number): string {
  return `0x${reasonCode.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Text whose parts between backticks are code. */
function withCode(text: string) {
  return text.split("`").map((part, index) => index % 2 === 0 ? part : <code key={index}>{part}</code>);
}
