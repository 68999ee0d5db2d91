import type { Command, Option } from '../command.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'

/** The shells that `agentfleet completion` knows. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of the known shells. */
export type Shell = (typeof SHELLS)[number]

/** A script that completes every command, its words, its options and their values. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'fish') return fishScript(commands)
  const bash = bashScript(commands)
  if (shell === 'bash') return bash
  // The functions of bash need those of zsh, which a shell without a configuration has not loaded.
  const load = 'autoload -U +X compinit bashcompinit'
  return `${load}\n(( $+functions[compdef] )) || compinit\nbashcompinit\n${bash}`
}

function optionsOf({
  options = {},
}: Command): readonly (readonly [name: string, option: Option])[] {
  return Object.entries({ ...options, ...GLOBAL_OPTIONS })
}

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const cases = commands.map((command) => {
    const { name, words = [] } = command
    const options = optionsOf(command).map(([option]) => `--${option}`)
    return `    ${name}) words="${[...words, ...options].join(' ')}" ;;`
  })
  // Behind an option come its choices; without choices, as for a file, bash itself completes the value.
  const values = new Map<string, string[]>()
  for (const command of commands) {
    for (const [option, { type, short, choices = [] }] of optionsOf(command)) {
      if (type === 'boolean') continue
      const forms = [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]
      const patterns = forms.map((form) => `"${command.name} ${form}"`)
      const words = choices.join(' ')
      values.set(words, [...(values.get(words) ?? []), ...patterns])
    }
  }
  return [
    '_agentfleet() {',
    '  local word="${COMP_WORDS[COMP_CWORD]}" command="" words="" at',
    '  for ((at = 1; at < COMP_CWORD; at++)); do',
    // An address after --url is several words for bash, so the command is the first word that names one.
    `    case " ${names} " in *" \${COMP_WORDS[at]} "*) command="\${COMP_WORDS[at]}"; break ;; esac`,
    '  done',
    '  case "$command" in',
    `    "") words="${names} help --help --version" ;;`,
    ...cases,
    '  esac',
    '  case "$command ${COMP_WORDS[COMP_CWORD - 1]}" in',
    ...[...values].map(([words, patterns]) => `    ${patterns.join('|')}) words="${words}" ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    '}',
    'complete -o default -F _agentfleet agentfleet',
  ].join('\n')
}

function fishScript(commands: readonly Command[]): string {
  const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
  const lines = commands.flatMap((command) => {
    const { name, summary, words = [] } = command
    const behind = `complete -c agentfleet -n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c agentfleet -n __fish_use_subcommand -f -a ${name} -d ${quote(summary)}`,
      ...words.map((word) => `${behind} -f -a ${word}`),
      ...optionsOf(command).map(([option, { type, short, choices, help }]) => {
        const form = short === undefined ? `-l ${option}` : `-l ${option} -s ${short}`
        const value = choices === undefined ? ' -r' : ` -x -a ${quote(choices.join(' '))}`
        return `${behind} ${form}${type === 'boolean' ? '' : value} -d ${quote(help)}`
      }),
    ]
  })
  return lines.join('\n')
}
