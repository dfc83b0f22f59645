import type { App } from "./app.ts";
import { Field } from "./components.tsx";
import type { Deletion } from "./shapes.ts";
import { counted } from "./text.ts";

/** Asks before the retained message of a topic is deleted. */
export function deleteTopic(app: App, topic: string, onDone: () => void): void {
  app.ask({
    title: `Delete ${topic}?`,
    effect: "New subscribers no longer get its retained message. It can be restored for 30 s.",
    action: "Delete the message",
    isDangerous: true,
    run: async () => {
      const deleted = await app.api.delete<Deletion>(["retained", topic]);
      said(app, deleted, `Deleted ${topic}`, onDone);
    },
  });
}

/** Asks for a filter, counts what it matches, and asks again with that number. */
export function deleteByFilter(app: App, onDone: () => void): void {
  app.ask({
    title: "Delete retained messages by filter",
    effect: "The next step says how many there are, and asks before they are deleted.",
    action: "Count them",
    fields: (
      <Field label="Topic filter">
        <input
          class="input mono"
          name="filter"
          placeholder="plant/7/#"
          required
          autocomplete="off"
          spellcheck={false}
        />
      </Field>
    ),
    run: async ({ filter }) => {
      const { deleted: count } = await app.api.delete<Deletion>(["retained"], {
        query: { filter, dryRun: true },
      });
      // After the dialog of this question has closed.
      setTimeout(() => confirmFilter(app, filter ?? "", count, onDone));
    },
  });
}

function confirmFilter(
  app: App,
  filter: string,
  count: number,
  onDone: () => void,
): void {
  if (count === 0) {
    app.say({ text: `No retained message matches ${filter}` });
    return;
  }
  const messages = counted(count, "retained message");
  app.ask({
    title: `Delete ${messages}?`,
    effect: (
      <>
        All that match <bdi class="mono">{filter}</bdi>. They can be restored for 30 s.
      </>
    ),
    action: `Delete ${messages}`,
    isDangerous: true,
    run: async () => {
      const deleted = await app.api.delete<Deletion>(["retained"], {
        query: { filter },
      });
      said(
        app,
        deleted,
        `Deleted ${counted(deleted.deleted, "retained message")}`,
        onDone,
      );
    },
  });
}

function said(app: App, { restore }: Deletion, text: string, onDone: () => void): void {
  onDone();
  if (restore === null) {
    app.say({ text });
    return;
  }
  app.say({
    text,
    forMs: Math.max(0, Date.parse(restore.until) - Date.now()),
    undo: async () => {
      await app.api.post(["retained", "restore"], { id: restore.id });
      onDone();
    },
  });
}
