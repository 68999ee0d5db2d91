import { parseArgs } from 'node:util'
import { closest } from '@agentfleet/domain'
import type { Command, Input, Options } from '../command.ts'
import { UsageError } from '../exit.ts'
import { checkArguments } from './arguments.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'

/** Words that other programs use for the commands of this one. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ['start', 'up'],
  ['run', 'submit'],
  ['list', 'ls'],
  ['ps', 'ls'],
  ['tasks', 'ls'],
  ['show', 'get'],
  ['describe', 'get'],
  ['logs', 'get --events'],
  ['events', 'get --events'],
  ['follow', 'watch'],
  ['stop', 'cancel'],
  ['kill', 'cancel'],
  ['rm', 'cancel'],
  ['retry', 'replay'],
  ['status', 'fleet'],
  ['nodes', 'fleet'],
  ['tools', 'agents tools'],
  ['models', 'agents models'],
  ['cost', 'usage'],
  ['me', 'keys me'],
  ['version', '--version'],
])

/** A parsed command line. */
export type CommandLine =
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version' }
  | { readonly kind: 'run'; readonly command: Command; readonly input: Input }

/** Finds the command of a command line and parses its options; throws UsageError. */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
): CommandLine {
  if (argv[0] === '--version') return { kind: 'version' }
  const at = commandAt(argv)
  const name = argv[at]
  if (name === undefined) {
    const { values } = parse(argv, GLOBAL_OPTIONS, '')
    if (values['help'] === true || argv.length === 0) return { kind: 'help' }
    throw new UsageError('The command is missing. Run "agentfleet help" for a list of commands.')
  }
  const rest = argv.toSpliced(at, 1)
  if (name === 'help') {
    const about = rest.find((word) => !word.startsWith('-'))
    return about === undefined || about === 'help'
      ? { kind: 'help' }
      : { kind: 'help', command: commandNamed(about, commands) }
  }
  const command = commandNamed(name, commands)
  const input = parse(rest, { ...GLOBAL_OPTIONS, ...command.options }, name)
  if (input.values['help'] === true) return { kind: 'help', command }
  checkValues(input)
  checkChoices(input, command)
  checkArguments(command, input)
  return { kind: 'run', command, input }
}

/** The position of the first word that is not an option or the value of one. */
function commandAt(argv: readonly string[]): number {
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) return at
    if (GLOBAL_OPTIONS[word.slice(2)]?.type === 'string') at += 1
  }
  return argv.length
}

function commandNamed(name: string, commands: readonly Command[]): Command {
  const found = commands.find((command) => command.name === name)
  if (found !== undefined) return found
  const near =
    SYNONYMS.get(name) ??
    closest(
      name,
      commands.map((command) => command.name),
    )
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`
  throw new UsageError(
    `"${name}" is not a command.${hint} Run "agentfleet help" for a list of commands.`,
  )
}

function parse(args: readonly string[], options: Options, command: string): Input {
  const help = command === '' ? 'agentfleet help' : `agentfleet ${command} --help`
  try {
    const { values, positionals, tokens } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      tokens: true,
    })
    checkRepeated(tokens, options)
    return { args: positionals, values: { ...values } as Input['values'] }
  } catch (error) {
    if (error instanceof UsageError) throw error
    const [, unknown] = /Unknown option '-*([^']+)'/.exec(String(error)) ?? []
    const misused = misuseOf(error, args)
    if (misused !== undefined) throw new UsageError(`${misused} Run "${help}".`)
    if (unknown === undefined) throw new UsageError(`${reasonOf(error)} Run "${help}".`)
    const near = unknown.length > 1 ? closest(unknown, Object.keys(options)) : undefined
    const hint = near === undefined ? '' : ` Did you mean "--${near}"?`
    const dashes = unknown.length > 1 ? '--' : '-'
    throw new UsageError(`"${dashes}${unknown}" is not an option.${hint} Run "${help}".`)
  }
}

/** The command would use only one of two values, and so a filter could choose other tasks than its user wants. */
function checkRepeated(
  tokens: readonly { readonly kind: string; readonly name?: string; readonly value?: unknown }[],
  options: Options,
): void {
  const seen = new Map<string, unknown>()
  for (const { kind, name = '', value } of tokens) {
    if (kind !== 'option' || options[name]?.multiple === true) continue
    if (seen.has(name) && seen.get(name) !== value) {
      throw new UsageError(`--${name} is given twice, with different values. Give one of them.`)
    }
    seen.set(name, value)
  }
}

/** Says which option has a wrong form of value; undefined: the error has another reason. */
function misuseOf(error: unknown, args: readonly string[]): string | undefined {
  const text = error instanceof Error ? error.message : String(error)
  const name = /--[a-z-]+/.exec(/'([^']*)'/.exec(text)?.[1] ?? '')?.[0]
  const long = name ?? /use '(--[a-z-]+)=/.exec(text)?.[1]
  if (long === undefined) return undefined
  if (/does not take an argument/.test(text)) return `${long} takes no value.`
  if (/argument missing/.test(text)) return `${long} needs a value.`
  if (!/ambiguous/.test(text)) return undefined
  const value = args.find((word) => /^-.*\d/.test(word)) ?? '-VALUE'
  return `${long} needs a value. If the value begins with a dash, write ${long}=${value}.`
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** An empty value comes from an unset variable of a script: as a filter it would choose every task. */
function checkValues({ values }: Input): void {
  const empty = Object.entries(values).find(([, value]) => [value].flat().includes(''))
  if (empty !== undefined) {
    throw new UsageError(`--${empty[0]} is empty. Give it a value, or leave it out.`)
  }
}

function checkChoices({ values }: Input, { options = {} }: Command): void {
  for (const [name, { choices }] of Object.entries(options)) {
    const value = values[name]
    if (choices === undefined || value === undefined) continue
    const wrong = (Array.isArray(value) ? value : [value]).find((one) => !choices.includes(one))
    if (wrong !== undefined) {
      throw new UsageError(
        `--${name} must be one of ${choices.join(', ')}, not "${String(wrong)}".`,
      )
    }
  }
}
