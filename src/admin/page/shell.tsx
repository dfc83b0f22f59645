import { useEffect, useRef } from "preact/hooks";
import { useApp } from "./app.ts";
import { Badge, Dot, Name } from "./components.tsx";
import { Messages, QuestionDialog } from "./dialog.tsx";
import { PAGES } from "./pages.ts";
import { useResource } from "./resource.ts";
import { href } from "./router.ts";
import type { BrokerFacts } from "./shapes.ts";

/** Sidebar, the page of the place, and what lies over both. */
export function Shell() {
  const app = useApp();
  const { page } = app.router.place.value;
  const entry = PAGES.find(({ name }) => name === page) ?? PAGES[0];
  const Component = entry.component;
  const main = useRef<HTMLElement>(null);
  return (
    <div class="app">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the page
      </a>
      <header class="sidebar">
        <Brand />
        <Navigation current={entry.name} />
        <Foot />
      </header>
      <main class="main" id="main" ref={main} tabIndex={-1}>
        <Component key={entry.name} />
      </main>
      <Messages />
      <QuestionDialog />
    </div>
  );
}

export function Brand() {
  return (
    <div class="brand">
      <svg
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-linecap="round"
        aria-hidden="true"
      >
        <path d="M3 9c3-3.5 6-3.5 9 0s6 3.5 9 0M3 16c3-3.5 6-3.5 9 0s6 3.5 9 0" />
      </svg>
      <span>Brooklet</span>
    </div>
  );
}

function Navigation({ current }: { readonly current: string }) {
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    // In a narrow window the links are one row, which may be longer than the window.
    nav.current?.querySelector("[aria-current]")?.scrollIntoView({
      block: "nearest",
      inline: "nearest",
    });
  }, [current]);
  return (
    <nav class="nav" ref={nav} aria-label="Pages">
      {PAGES.map(({ name, title }) => (
        <a
          key={name}
          href={href(name)}
          aria-current={name === current ? "page" : undefined}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

function Foot() {
  const app = useApp();
  const { data } = useResource(
    "broker",
    (signal) => app.api.get<BrokerFacts>(["broker"], { signal }),
    { everyMs: 30_000 },
  );
  const session = app.session.value;
  return (
    <div class="foot">
      {data !== undefined && (
        <>
          <span class="row">
            <Dot tone={data.storage.isFailing ? "bad" : "good"} />
            {data.storage.name} storage
          </span>
          {!data.storage.isDurable && <Badge tone="warn">not durable</Badge>}
        </>
      )}
      {session && (
        <span class="who">
          <Name isMono={false}>{session.name}</Name>
          <span>{session.role}</span>
          {session.by === "cookie" && (
            <button
              type="button"
              class="link"
              onClick={() => void app.signOut().catch(app.fail)}
            >
              Sign out
            </button>
          )}
        </span>
      )}
    </div>
  );
}
