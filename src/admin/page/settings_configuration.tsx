import { useState } from "preact/hooks";
import type { ApiError } from "./api.ts";
import { useApp } from "./app.ts";
import { Banner, Button, CopyButton, Pane } from "./components.tsx";
import { Loaded } from "./page.tsx";
import { asApiError, useResource } from "./resource.ts";
import type { ConfigurationAnswer, ConfigurationMistake } from "./shapes.ts";

/** Configuration in force, whether the file is good, and reading it again. */
export function Configuration() {
  const app = useApp();
  const configuration = useResource(
    "configuration",
    (signal) => app.api.get<ConfigurationAnswer>(["configuration"], { signal }),
  );
  const [mistakes, setMistakes] = useState<readonly ConfigurationMistake[]>();
  const [error, setError] = useState<ApiError>();
  const run = async (action: "check" | "reload") => {
    setError(undefined);
    setMistakes(undefined);
    const answer = await app.api.post<{ readonly mistakes: readonly ConfigurationMistake[] }>(
      ["configuration", action],
      {},
    );
    setMistakes(answer.mistakes);
    if (action === "reload" && answer.mistakes.length === 0) app.say({ text: "The configuration is in force" });
    configuration.reload();
  };
  const start = (action: "check" | "reload") =>
    void run(action).catch((failure: unknown) => setError(asApiError(failure)));
  const reload = () =>
    app.ask({
      title: "Reload the configuration?",
      effect: "The broker reads its file again. Clients stay connected unless the new rules forbid it.",
      action: "Reload the configuration",
      run: () => run("reload"),
    });
  return (
    <Pane
      title="Configuration"
      note="secrets hidden"
      tools={configuration.data !== undefined && (
        <>
          <CopyButton text={configuration.data.yaml} />
          <Button isSmall onClick={() => start("check")}>Check the file</Button>
          <Button isSmall onClick={reload}>Reload…</Button>
        </>
      )}
    >
      <div class="stack">
        {error !== undefined && <Banner title={error.message}>{error.detail}</Banner>}
        {mistakes?.length === 0 && <p class="good">The file has no mistakes</p>}
        {mistakes !== undefined && mistakes.length > 0 && <Mistakes mistakes={mistakes} />}
        <Loaded resource={configuration}>
          {({ yaml }) => <pre class="value tall" tabIndex={0} aria-label="Configuration">{yaml}</pre>}
        </Loaded>
      </div>
    </Pane>
  );
}

function Mistakes({ mistakes }: { readonly mistakes: readonly ConfigurationMistake[] }) {
  return (
    <Banner title="The file has mistakes">
      <ul>
        {mistakes.map(({ line, key, message }, index) => (
          <li key={index}>
            {line !== null && `Line ${line}: `}
            {key !== null && <code>{key}</code>} {message}
          </li>
        ))}
      </ul>
    </Banner>
  );
}
