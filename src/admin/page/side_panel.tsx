import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./components.tsx";

/** One thing of a list, beside it; in a narrow window above it. Escape closes it. */
export function SidePanel({ label, title, note, tools, onClose, children }: {
  /** Name for screen readers. */
  readonly label: string;
  readonly title: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tools?: ComponentChildren;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.scrollIntoView({ block: "nearest" }), []);
  return (
    <aside
      ref={panel}
      class="pane panel"
      aria-label={label}
      onKeyDown={({ key }) => key === "Escape" && onClose()}
    >
      <div class="pane-head">
        <h2 class="break">{title}</h2>
        {note !== undefined && <span class="note">{note}</span>}
        <span class="push row">
          {tools}
          <Button isSmall label="Close the panel" onClick={onClose}>×</Button>
        </span>
      </div>
      <div class="pane-body stack" tabIndex={0} role="group" aria-label={label}>{children}</div>
    </aside>
  );
}
