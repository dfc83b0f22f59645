/** What docs/deploy.md says, so that it can be tried. */

/** The page, with the words of its commands as a shell hands them on: without the quotes around a whole word. */
export function guide(): string {
  const page = Deno.readTextFileSync(new URL("../../docs/deploy.md", import.meta.url));
  return page.replaceAll(/(?<= )"((?:--|BROOKLET_)[^\s"]*)"/g, "$1");
}

/** Permissions of the guide, with its folders below another one and with free ports in place of its own. */
export function permissionsOf(folder: string): string[] {
  const [, command = ""] = /^deno run \\\n((?: {2}--.*\\\n)+)/m.exec(guide()) ?? [];
  return command.split(/[\s\\]+/).filter((option) => option !== "").map((option) =>
    option.replaceAll(/(?<=[=,])\/(?=etc|var)/g, `${folder}/`).replaceAll(":8883", ":0")
  );
}

/** The unit of systemd. */
export function unit(): string {
  const [, text = ""] = /^```ini\n([^`]*)```$/m.exec(guide()) ?? [];
  return text;
}
