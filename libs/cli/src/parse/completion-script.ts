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

function optionsOf({ options = {} }: Command): readonly [name: string, option: Option][] {
  return Object.entries({ ...options, ...GLOBAL_OPTIONS })
}

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const globals = Object.keys(GLOBAL_OPTIONS).map((name) => `--${name}`)
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
    `    "") words="${names} help --version ${globals.join(' ')}" ;;`,
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
  const names = commands.map(({ name }) => name)
  const behind = (name: string) => `complete -c agentfleet -n '_agentfleet_in "${name}"'`
  const optionLines = (name: string, options: ReturnType<typeof optionsOf>): readonly string[] =>
    options.map(([option, { type, short, choices, help }]) => {
      const form = short === undefined ? `-l ${option}` : `-l ${option} -s ${short}`
      const value = choices === undefined ? ' -r' : ` -x -a ${quote(choices.join(' '))}`
      return `${behind(name)} ${form}${type === 'boolean' ? '' : value} -d ${quote(help)}`
    })
  return [
    // The first word that names a command is the command: another command may have the same word.
    'function _agentfleet_in',
    '  for word in (commandline -opc)[2..-1]',
    `    if contains -- $word help ${names.join(' ')}`,
    '      test "$word" = "$argv[1]"',
    '      return',
    '    end',
    '  end',
    '  test -z "$argv[1]"',
    'end',
    ...optionLines('', Object.entries(GLOBAL_OPTIONS)),
    `${behind('')} -l version -d 'print the version'`,
    `${behind('')} -f -a help -d 'print the help of a command'`,
    ...commands.flatMap((command) => {
      const { name, summary, words = [] } = command
      return [
        `${behind('')} -f -a ${name} -d ${quote(summary)}`,
        `${behind('help')} -f -a ${name} -d ${quote(summary)}`,
        ...words.map((word) => `${behind(name)} -f -a ${word}`),
        ...optionLines(name, optionsOf(command)),
      ]
    }),
  ].join('\n')
}
