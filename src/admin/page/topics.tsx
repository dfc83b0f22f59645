import { useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Button, classes, Name, TextInput } from "./components.tsx";
import { Bones, Empty, Loaded, Page } from "./page.tsx";
import { publishQuestion } from "./publish_question.tsx";
import { useNow } from "./resource.ts";
import { type Column, Table } from "./table.tsx";
import { deleteByFilter } from "./topic_deletion.tsx";
import { TopicPanel } from "./topic_panel.tsx";
import { hasBelow, keyOf, type TopicTree, type TreeRow, useTopicTree } from "./topic_tree.ts";
import { ago, bytes, count } from "./text.ts";

/** Tree of retained messages, level by level, and the message of one topic. */
export function TopicsPage() {
  const app = useApp();
  const { parts } = app.router.place.value;
  const topic = parts.length === 0 ? undefined : parts.join("/");
  const tree = useTopicTree();
  const go = (to: string | undefined) =>
    app.router.go("topics", to === undefined ? [] : to.split("/"), {}, {
      replace: true,
    });
  return (
    <Page
      title="Topics"
      tools={<TopicTools topic={topic} onTopic={go} onChange={tree.reload} />}
    >
      <div class={classes("columns grow", { tree: topic !== undefined })}>
        <div class="pane">
          <Loaded resource={tree.root} loading={<Bones rows={12} />}>
            {(children) =>
              children.length === 0
                ? (
                  <Empty
                    title="No message is retained"
                    command="mosquitto_pub -r -t plant/7/line/temp -m 21.4"
                  >
                    A message that is published with RETAIN stays here as the last value of its topic, and new
                    subscribers get it at once.
                  </Empty>
                )
                : <Tree tree={tree} topic={topic} onTopic={go} />}
          </Loaded>
        </div>
        {topic !== undefined && (
          <TopicPanel
            key={topic}
            topic={topic}
            onClose={() => go(undefined)}
            onChange={tree.reload}
          />
        )}
      </div>
    </Page>
  );
}

function TopicTools({ topic, onTopic, onChange }: {
  readonly topic: string | undefined;
  readonly onTopic: (topic: string) => void;
  readonly onChange: () => void;
}) {
  const app = useApp();
  const [wanted, setWanted] = useState("");
  return (
    <>
      <form
        class="row grow"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted !== "") onTopic(wanted);
        }}
      >
        <TextInput
          isGrowing
          isMono
          label="Topic"
          placeholder="Go to a topic: plant/7/line/temp"
          value={wanted}
          onValue={setWanted}
        />
        <Button isSubmit>Show</Button>
      </form>
      {app.may("operator") && (
        <>
          <Button
            isPrimary
            onClick={() =>
              app.ask(
                publishQuestion(app, { topic: topic ?? "" }, onChange),
              )}
          >
            Publish…
          </Button>
          <Button
            isDangerous
            onClick={() => deleteByFilter(app, onChange)}
          >
            Delete by filter…
          </Button>
        </>
      )}
    </>
  );
}

function Tree({ tree, topic, onTopic }: {
  readonly tree: TopicTree;
  readonly topic: string | undefined;
  readonly onTopic: (topic: string) => void;
}) {
  const now = useNow(5000);
  const pick = (row: TreeRow) => {
    if (row.kind === "more") tree.more(row.levels, row.after);
    if (row.kind === "error") tree.open(row.levels);
    if (row.kind !== "level") return;
    if (row.child.retained !== null) onTopic(row.levels.join("/"));
    if (!hasBelow(row.child)) return;
    if (!row.isOpen) tree.open(row.levels);
    else if (row.child.retained === null || row.levels.join("/") === topic) {
      tree.close(row.levels);
    }
  };
  const onKey = (key: string, row: TreeRow) => {
    if (row.kind !== "level" || !hasBelow(row.child)) return false;
    if (key === "ArrowRight" && !row.isOpen) tree.open(row.levels);
    else if (key === "ArrowLeft" && row.isOpen) tree.close(row.levels);
    else return false;
    return true;
  };
  return (
    <Table
      label="Retained messages"
      columns={columnsOf(now)}
      rows={tree.rows}
      keyOf={(row) => `${row.kind}${keyOf(row.levels)}`}
      selectedKey={topic === undefined ? undefined : `level${keyOf(topic.split("/"))}`}
      onPick={pick}
      onKey={onKey}
      expandedOf={(row) => row.kind === "level" && hasBelow(row.child) ? row.isOpen : undefined}
    />
  );
}

function columnsOf(now: number): Column<TreeRow>[] {
  const ofValue = (row: TreeRow) => row.kind === "level" ? row.child.retained : null;
  return [
    { key: "name", title: "Topic", cell: (row) => <NameCell row={row} /> },
    {
      key: "payloadBytes",
      title: "Value",
      widthPx: 88,
      isNumber: true,
      cell: (row) => {
        const value = ofValue(row);
        return value !== null && bytes(value.payloadBytes);
      },
    },
    {
      key: "retainedAt",
      title: "Age",
      widthPx: 96,
      isNumber: true,
      cell: (row) => {
        const at = ofValue(row)?.retainedAt;
        return at !== null && at !== undefined && ago(at, now);
      },
    },
  ];
}

function NameCell({ row }: { readonly row: TreeRow }) {
  const depth = row.levels.length - (row.kind === "level" ? 1 : 0);
  return (
    <span
      class="leaf"
      ref={(leaf) =>
        leaf?.style.setProperty(
          "padding-left",
          `${Math.min(depth, 24) * 16}px`,
        )}
    >
      <LeafText row={row} />
    </span>
  );
}

function LeafText({ row }: { readonly row: TreeRow }) {
  switch (row.kind) {
    case "level":
      return (
        <>
          <span class="twist" aria-hidden="true">
            {hasBelow(row.child) ? row.isOpen ? "▾" : "▸" : ""}
          </span>
          {row.child.name === "" ? <span class="muted">(empty level)</span> : <Name>{row.child.name}</Name>}
          {hasBelow(row.child) && <span class="muted">/ ({count(row.child.count)})</span>}
        </>
      );
    case "more":
      return <span class="to-broker">Show more of this level</span>;
    case "error":
      return <span class="bad">{row.error.message}: try again</span>;
    case "loading":
      return <span class="bone" />;
  }
}
