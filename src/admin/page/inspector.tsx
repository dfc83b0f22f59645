import { Page } from "./page.tsx";

/** Packets of a trace, with fields and bytes. */
export function InspectorPage() {
  return (
    <Page title="Inspector">
      <p class="muted">This page is not built yet.</p>
    </Page>
  );
}
