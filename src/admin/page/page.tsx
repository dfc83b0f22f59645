import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Banner, Button, Command } from "./components.tsx";
import { type Resource, useNow } from "./resource.ts";
import { ago } from "./text.ts";

/** Page with its title, which is the only one of its rank, and its tools in one line. */
export function Page({ title, tools, children }: {
  readonly title: string;
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · Brooklet`;
  }, [title]);
  return (
    <>
      <header class="head">
        <h1>{title}</h1>
        {tools}
      </header>
      {children}
    </>
  );
}

/** Data of a resource with its states: loading, error with Retry, and stale data with its age. */
export function Loaded<Data>({ resource, children, loading = <Bones /> }: {
  readonly resource: Resource<Data>;
  readonly children: (data: Data) => ComponentChildren;
  /** Shape of what will be there. */
  readonly loading?: ComponentChildren;
}) {
  const { data, error, reload } = resource;
  if (data !== undefined) {
    return (
      <>
        <Stale resource={resource} />
        {children(data)}
      </>
    );
  }
  if (error === undefined) {
    return (
      <div aria-busy="true">
        <span class="visually-hidden" role="status">Loading</span>
        {loading}
      </div>
    );
  }
  return (
    <div class="state">
      <Banner title={error.message}>
        <span class="break">{error.detail}</span>
      </Banner>
      <Button onClick={reload}>Retry</Button>
    </div>
  );
}

/** Line over data that could not be renewed. */
export function Stale(
  { resource: { error, loadedAtMs, reload } }: {
    readonly resource: Resource<unknown>;
  },
) {
  const now = useNow();
  if (error === undefined || loadedAtMs === undefined) return null;
  return (
    <div class="banner is-warn" role="status">
      <span class="row">
        <strong>Paused {ago(loadedAtMs, now)}</strong>
        <span>{error.message}. {error.detail}</span>
        <span class="push">
          <Button isSmall onClick={reload}>Retry</Button>
        </span>
      </span>
    </div>
  );
}

/** List that has nothing: what would be there, and one command that fills it. */
export function Empty({ title, children, command }: {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly command?: string;
}) {
  return (
    <div class="state">
      <h2>{title}</h2>
      {children !== undefined && <p class="muted">{children}</p>}
      {command !== undefined && <Command>{command}</Command>}
    </div>
  );
}

/** Rows without words, while they are asked for. */
export function Bones({ rows = 8 }: { readonly rows?: number }) {
  return (
    <table aria-hidden="true">
      <tbody>
        {Array.from({ length: rows }, (_, index) => (
          <tr key={index}>
            <td>
              <span class="bone" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
