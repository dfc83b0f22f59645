import { LIMIT_RANGES } from "../protocol/limits.ts";
import { LOG_AREAS } from "./config/logging_schema.ts";
import { ConfigError } from "./config_error.ts";

export const COMPLETIONS_HELP = `Usage: brooklet completions bash|zsh|fish

Prints what lets a shell complete the words of brooklet. For good:

  bash    brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet
  zsh     brooklet completions zsh > "\${fpath[1]}/_brooklet"
  fish    brooklet completions fish > ~/.config/fish/completions/brooklet.fish

  -h, --help             print this
`;

/** Words behind a command, taken from its help, so that none is forgotten. */
export interface CommandWords {
  readonly name: string;
  readonly help: string;
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Runs `completions`; gives the exit code. Throws {@linkcode ConfigError}. */
export function completions(args: readonly string[], commands: readonly CommandWords[]): number {
  const [shell = "", ...others] = args;
  if (!Object.hasOwn(SCRIPTS, shell) || others.length > 0) {
    throw new ConfigError('Write "brooklet completions bash", "zsh" or "fish"');
  }
  console.log(SCRIPTS[shell as keyof typeof SCRIPTS](commands)); // It is one of them.
  return 0;
}

function optionsOf(help: string): string[] {
  return [...new Set(help.match(/(?<=^\s+(?:-\w, )?)--[a-z-]+/gm) ?? [])];
}

function limitWords(): string[] {
  return Object.keys(LIMIT_RANGES).map((name) => `${name}=`);
}

function bashScript(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, help }) => `    ${name}) words="${optionsOf(help).join(" ")}" ;;`);
  const serve = commands.find(({ name }) => name === "serve")?.help ?? "";
  return `_brooklet() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words
  case $previous in
    --limit) compopt -o nospace; COMPREPLY=($(compgen -W "${limitWords().join(" ")}" -- "$current")); return ;;
    --log) COMPREPLY=($(compgen -W "text json ${
    LOG_AREAS.map((area) => `${area}=`).join(" ")
  }" -- "$current")); return ;;
    --config | -c | --cert | --key | --cafile) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
    *) words="${optionsOf(serve).join(" ")}" ;;
  esac
  if [[ $current != -* ]]; then
    if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$current"))
    else COMPREPLY=($(compgen -f -- "$current")); fi
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _brooklet brooklet`;
}

/** zsh runs the completions of bash. */
function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef brooklet
autoload -U +X bashcompinit && bashcompinit
${bashScript(commands)}`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = commands.flatMap(({ name, help }) => {
    // Without a command, options are those of serve.
    const when = name === "serve"
      ? `"not __fish_seen_subcommand_from ${
        commands.filter((other) => other.name !== name).map(({ name }) => name).join(" ")
      }"`
      : `"__fish_seen_subcommand_from ${name}"`;
    return optionsOf(help).map((option) => `complete -c brooklet -n ${when} -l ${option.slice(2)}`);
  });
  return [`complete -c brooklet -n "__fish_use_subcommand" -a "${names}"`, ...lines].join("\n");
}
