import { LIMIT_NAMES } from "../protocol/limit_table.ts";
import { LOG_AREAS, LOG_FORMATS, LOG_LEVELS } from "./config/logging_schema.ts";
import { ConfigError } from "./config_error.ts";
import { printLine, type ProgramIo } from "./program_io.ts";

export const COMPLETIONS_HELP = `Usage: brooklet completions bash|zsh|fish

Prints what lets a shell complete the words of brooklet. For good:

  bash    brooklet completions bash > ~/.local/share/bash-completion/completions/brooklet
  zsh     brooklet completions zsh > "\${fpath[1]}/_brooklet"
  fish    brooklet completions fish > ~/.config/fish/completions/brooklet.fish

  -h, --help             print this
`;

/** Command with its help, from which its words are taken, so that none is forgotten. */
export interface CommandWords {
  readonly name: string;
  readonly help: string;
}

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Runs `completions`; gives the exit code. Throws {@linkcode ConfigError}. */
export function completions(args: readonly string[], commands: readonly CommandWords[], io: ProgramIo): number {
  const [shell = "", ...others] = args;
  if (!Object.hasOwn(SCRIPTS, shell) || others.length > 0) {
    throw new ConfigError('Write "brooklet completions bash", "zsh" or "fish"');
  }
  printLine(io.stdout, SCRIPTS[shell as keyof typeof SCRIPTS](commands)); // It is one of them.
  return 0;
}

/** Script for bash. Files are always offered: most values are files, and none of our words conflicts with them. */
function bashScript(commands: readonly CommandWords[]): string {
  return `_brooklet() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words=
  # "=" is a word of its own.
  if [[ $current == = ]]; then current= previous+==
  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}=; fi
  case $previous in
    --limit | --limit=) compopt -o nospace; words="${limitWords().join(" ")}" ;;
    --log | --log=) compopt -o nospace; words="${[...LOG_FORMATS, ...LOG_AREAS.map((area) => `${area}=`)].join(" ")}" ;;
    ${LOG_AREAS.map((area) => `${area}=`).join(" | ")}) words="${LOG_LEVELS.join(" ")}" ;;
  esac
  if [[ -z $words ]]; then
    case $COMP_CWORD:$current:\${COMP_WORDS[1]} in
${
    commands.map(({ name, help }) =>
      `      *:-*:${name}) words="${optionsOf(help).join(" ")}" ;;\n      2:*:${name}) words="${
        wordsOf(help).join(" ")
      }" ;;`
    ).join("\n")
  }
      *:-*:*) words="${optionsOf(helpOf(commands, "serve")).join(" ")}" ;;
      1:*) words="${commands.map(({ name }) => name).join(" ")}" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _brooklet brooklet`;
}

/** Script for zsh: the file is either the function itself, on first use, or read at the start of the shell. */
function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef brooklet
_brooklet() {
  local previous=\${words[CURRENT - 1]}
  if compset -P '--*='; then previous=\${IPREFIX%=}; fi
  case $previous in
    --limit) compadd -S '' -- ${limitWords().join(" ")}; return ;;
    --log) compadd -- ${logWords().join(" ")}; return ;;
  esac
  if [[ -n $IPREFIX ]]; then _files; return; fi
  case $CURRENT:\${words[CURRENT]}:\${words[2]} in
${
    commands.map(({ name, help }) =>
      `    *:-*:${name}) compadd -- ${optionsOf(help).join(" ")} ;;` +
      (wordsOf(help).length === 0 ? "" : `\n    3:*:${name}) compadd -- ${wordsOf(help).join(" ")} ;;`)
    ).join("\n")
  }
    *:-*:*) compadd -- ${optionsOf(helpOf(commands, "serve")).join(" ")} ;;
    2:*) compadd -- ${commands.map(({ name }) => name).join(" ")} ;;
    *) _files ;;
  esac
}
if [[ \${funcstack[1]} == _brooklet ]]; then _brooklet "$@"; else compdef _brooklet brooklet; fi`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name);
  const lines = [`complete -c brooklet -n __fish_use_subcommand -f -a "${names.join(" ")}"`];
  for (const { name, help } of commands) {
    // Options without a command are those of serve.
    const others = names.filter((other) => other !== name).join(" ");
    const when = name === "serve"
      ? `"not __fish_seen_subcommand_from ${others}"`
      : `"__fish_seen_subcommand_from ${name}"`;
    const files = fileOptionsOf(help);
    for (const option of optionsOf(help)) {
      const flag = option.startsWith("--") ? `-l ${option.slice(2)}` : `-s ${option.slice(1)}`;
      lines.push(`complete -c brooklet -n ${when} ${flag}${files.includes(option) ? " -r -F" : ""}`);
    }
    if (wordsOf(help).length > 0) lines.push(`complete -c brooklet -n ${when} -a "${wordsOf(help).join(" ")}"`);
    if (name !== "serve") continue;
    lines.push(`complete -c brooklet -n ${when} -l limit -x -a "${limitWords().join(" ")}"`);
    lines.push(`complete -c brooklet -n ${when} -l log -x -a "${logWords().join(" ")}"`);
  }
  return lines.join("\n");
}

function helpOf(commands: readonly CommandWords[], name: string): string {
  return commands.find((command) => command.name === name)?.help ?? "";
}

/** Options in a help text. Those with one letter stand at the beginning of a line. */
function optionsOf(help: string): string[] {
  const letters = help.match(/(?<=^\s+(?:URL, )?)-\w(?=[ ,])/gm) ?? [];
  const words = help.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [];
  return [...new Set([...words, ...letters])];
}

/** Options whose value is a file or a folder. */
function fileOptionsOf(help: string): string[] {
  const matches = help.matchAll(/(?<![\w-])(?:(-\w), )?(--[a-z-]+|-\w) (?:FILE|PATH|DIRECTORY)\b/g);
  return [...matches].flatMap(([, letter, option]) => [letter, option]).filter((option) => option !== undefined);
}

/** Words that may follow the command, such as "export" after "storage". */
function wordsOf(help: string): string[] {
  const [, choice = ""] = /^Usage: brooklet \w+ (\w+(?:\|\w+)+)/.exec(help) ?? [];
  const listed = help.match(/(?<=^ {2})[a-z][a-z-]+(?= {2,})/gm) ?? [];
  return [...new Set([...choice.split("|"), ...listed])].filter((word) => word !== "");
}

function limitWords(): string[] {
  return LIMIT_NAMES.map((name) => `${name}=`);
}

function logWords(): string[] {
  return [...LOG_FORMATS, ...LOG_AREAS.flatMap((area) => LOG_LEVELS.map((level) => `${area}=${level}`))];
}
