import type { Command } from '../command.ts'
import { GLOBAL_OPTIONS } from './command-line.ts'

/** The shells that `agentfleet completion` knows. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of the known shells. */
export type Shell = (typeof SHELLS)[number]

/** A script that completes every command, its words and its options. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'fish') return fishScript(commands)
  const bash = bashScript(commands)
  return shell === 'bash' ? bash : `autoload -U +X bashcompinit && bashcompinit\n${bash}`
}

function wordsOf({ options = {}, words = [] }: Command): readonly string[] {
  return [...words, ...Object.keys({ ...options, ...GLOBAL_OPTIONS }).map((name) => `--${name}`)]
}

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const cases = commands.map(
    (command) => `    ${command.name}) words="${wordsOf(command).join(' ')}" ;;`,
  )
  return [
    '_agentfleet() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" command="" words="" at',
    '  for ((at = 1; at < COMP_CWORD; at++)); do',
    // An address after --url is several words for bash, so the command is the first word that names one.
    `    case " ${names} " in *" \${COMP_WORDS[at]} "*) command="\${COMP_WORDS[at]}"; break ;; esac`,
    '  done',
    '  case "$command" in',
    `    "") words="${names} --help --version" ;;`,
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _agentfleet agentfleet',
  ].join('\n')
}

function fishScript(commands: readonly Command[]): string {
  const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
  const lines = commands.flatMap(({ name, summary, options = {}, words = [] }) => [
    `complete -c agentfleet -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
    ...words.map(
      (word) => `complete -c agentfleet -n '__fish_seen_subcommand_from ${name}' -f -a ${word}`,
    ),
    ...Object.entries({ ...options, ...GLOBAL_OPTIONS }).map(
      ([option, { help }]) =>
        `complete -c agentfleet -n '__fish_seen_subcommand_from ${name}' -l ${option} -d ${quote(help)}`,
    ),
  ])
  return lines.join('\n')
}
