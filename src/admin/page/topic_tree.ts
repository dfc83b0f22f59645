import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import { useApp } from "./app.ts";
import { asApiError, type Resource, whileVisible } from "./resource.ts";
import type { RetainedChild, RetainedLevel } from "./shapes.ts";

/** Levels of a topic; none: the root of the tree. */
type Levels = readonly string[];

/** Row of the tree as it is shown: a level, the way to more of its siblings, or why they cannot be shown. */
export type TreeRow =
  | {
    readonly kind: "level";
    readonly levels: Levels;
    readonly child: RetainedChild;
    readonly isOpen: boolean;
  }
  | { readonly kind: "more"; readonly levels: Levels; readonly after: string }
  | {
    readonly kind: "error";
    readonly levels: Levels;
    readonly error: ApiError;
  }
  | { readonly kind: "loading"; readonly levels: Levels };

interface Branch {
  readonly children: readonly RetainedChild[];
  readonly after: string | null;
  /** Time when it came; `undefined`: it never did. */
  readonly loadedAtMs: number | undefined;
  readonly error?: ApiError;
}

const LEVEL_ROWS = 200;
const RENEW_MS = 5000;

/** Tree of retained messages, of which each level is loaded when it is opened. */
export interface TopicTree {
  readonly rows: readonly TreeRow[];
  /** First level: a tree without topics is not one that is still loading. */
  readonly root: Resource<readonly RetainedChild[]>;
  open(levels: Levels): void;
  close(levels: Levels): void;
  more(levels: Levels, after: string): void;
  /** Loads what is open again. */
  reload(): void;
}

/** Key of levels in maps: topics have no U+0000. */
export function keyOf(levels: Levels): string {
  return levels.map((level) => `\0${level}`).join("");
}

export function useTopicTree(): TopicTree {
  const app = useApp();
  const [branches, setBranches] = useState<ReadonlyMap<string, Branch>>(
    new Map(),
  );
  const [opened, setOpened] = useState<ReadonlyMap<string, Levels>>(
    new Map([["", []]]),
  );
  const load = (levels: Levels, after?: string) => {
    const key = keyOf(levels);
    // The root is the level that is not named: "" is the first level of "/a".
    const query = {
      level: levels.length === 0 ? undefined : levels.join("/"),
      after,
      limit: LEVEL_ROWS,
    };
    app.api.get<RetainedLevel>(["retained"], { query }).then(
      (page) =>
        setBranches((old) => {
          const before = after === undefined ? [] : old.get(key)?.children ?? [];
          return new Map(old).set(key, {
            children: [...before, ...page.children],
            after: page.after,
            loadedAtMs: Date.now(),
          });
        }),
      (error: unknown) =>
        setBranches((old) => {
          const before = old.get(key) ?? { children: [], after: null, loadedAtMs: undefined };
          return new Map(old).set(key, { ...before, error: asApiError(error) });
        }),
    );
  };
  const reload = () => {
    for (const [key, levels] of opened) {
      // A level of which later pages are shown stays as it is: its first page alone would take them away.
      if ((branches.get(key)?.children.length ?? 0) <= LEVEL_ROWS) load(levels);
    }
  };
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    load([]);
    return whileVisible(RENEW_MS, () => latest.current());
  }, []);
  return {
    rows: rowsOf([], branches, opened),
    root: rootOf(branches.get(""), reload),
    open: (levels) => {
      setOpened((old) => new Map(old).set(keyOf(levels), levels));
      load(levels);
    },
    close: (levels) =>
      setOpened((old) => {
        const left = new Map(old);
        left.delete(keyOf(levels));
        return left;
      }),
    more: load,
    reload,
  };
}

function rootOf(branch: Branch | undefined, reload: () => void): TopicTree["root"] {
  const { children, error, loadedAtMs } = branch ?? {};
  return { data: loadedAtMs === undefined ? undefined : children, error, loadedAtMs, reload };
}

function rowsOf(
  levels: Levels,
  branches: ReadonlyMap<string, Branch>,
  opened: ReadonlyMap<string, Levels>,
): TreeRow[] {
  const branch = branches.get(keyOf(levels));
  if (branch === undefined) return [{ kind: "loading", levels }];
  const rows = branch.children.flatMap((child): TreeRow[] => {
    const below = [...levels, child.name];
    const isOpen = opened.has(keyOf(below));
    return [
      { kind: "level", levels: below, child, isOpen },
      ...isOpen ? rowsOf(below, branches, opened) : [],
    ];
  });
  if (branch.error !== undefined && levels.length > 0) {
    return [...rows, { kind: "error", levels, error: branch.error }];
  }
  return branch.after === null ? rows : [...rows, { kind: "more", levels, after: branch.after }];
}

/** Whether a level has topics below it. */
export function hasBelow({ count, retained }: RetainedChild): boolean {
  return count > (retained === null ? 0 : 1);
}
