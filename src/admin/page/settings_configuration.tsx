import { useState } from "preact/hooks";
import type { ApiError } from "./api.ts";
import { useApp } from "./app.ts";
import { Banner, Button, CopyButton, Pane } from "./components.tsx";
import { Loaded } from "./page.tsx";
import { asApiError, useResource } from "./resource.ts";
import type { ConfigurationAnswer, ConfigurationCheck } from "./shapes.ts";

/** Configuration in force, whether the file is good, and reading it again. */
export function Configuration() {
  const app = useApp();
  const configuration = useResource(
    "configuration",
    (signal) => app.api.get<ConfigurationAnswer>(["configuration"], { signal }),
  );
  const [check, setCheck] = useState<ConfigurationCheck>();
  const [error, setError] = useState<ApiError>();
  const run = async (action: "check" | "reload") => {
    setError(undefined);
    setCheck(undefined);
    const answer = await app.api.post<ConfigurationCheck>(["configuration", action], {});
    if (action === "check") setCheck(answer);
    else app.say({ text: "The configuration is in force" });
    configuration.reload();
  };
  // An app that embeds the broker configures it, and there is nothing to show.
  if (configuration.error?.status === 404) return null;
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
          <Button isSmall onClick={() => void run("check").catch((failure: unknown) => setError(asApiError(failure)))}>
            Check the file
          </Button>
          <Button isSmall onClick={reload}>Reload…</Button>
        </>
      )}
    >
      <div class="stack">
        {error !== undefined && <Banner title={error.message}>{error.detail}</Banner>}
        {check !== undefined && <Result check={check} />}
        <Loaded resource={configuration}>
          {({ yaml }) => <pre class="value tall" tabIndex={0} aria-label="Configuration">{yaml}</pre>}
        </Loaded>
      </div>
    </Pane>
  );
}

function Result({ check: { mistakes, warnings } }: { readonly check: ConfigurationCheck }) {
  return (
    <>
      {mistakes.length === 0
        ? <p class="good" role="status">The file can be used</p>
        : (
          <Banner title="The file cannot be used">
            <ul>
              {mistakes.map(({ file, line, key, message }, index) => (
                <li key={index} class="break">
                  {file !== null && <code>{file}</code>} {line !== null && `line ${line}: `}
                  {key !== null && <code>{key}</code>} {message}
                </li>
              ))}
            </ul>
          </Banner>
        )}
      {warnings.length > 0 && (
        <Banner title="Warnings" isWarning>
          <ul>{warnings.map((warning) => <li key={warning} class="break">{warning}</li>)}</ul>
        </Banner>
      )}
    </>
  );
}
