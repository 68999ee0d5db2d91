import type { Command, Input } from '../command.ts'
import { UsageError } from '../exit.ts'
import { GLOBAL_OPTIONS } from './global-options.ts'

/**
 * One usage of a command, such as `agents get [--version N] NAME`. A usage takes the options that it names; with
 * `[options]` or `[filters]` it also takes those that no usage of the command names.
 */
interface Shape {
  readonly usage: string
  /** Its first word, if it has one, and whether the command line may leave the word out. */
  readonly word: string | undefined
  readonly isDefault: boolean
  readonly least: number
  readonly most: number
  takes(option: string): boolean
}

/** An option, and the word behind it: its value, or the next argument. */
const OPTION = /--([a-z-]+)( [A-Z_]+…?)?/g

/** Refuses arguments and options that the command would ignore: it would do something else than its user wants. */
export function checkArguments(command: Command, { args, values }: Input): void {
  const { name, words } = command
  const [first] = args
  // The command says itself which words it knows.
  if (words !== undefined && first !== undefined && !words.includes(first)) return
  const shapes = shapesOf(command)
  const chosen = shapes.filter(({ word, isDefault }) =>
    first === undefined ? isDefault : word === undefined || word === first,
  )
  const named = chosen.filter(({ word }) => word !== undefined)
  const possible = named.length > 0 ? named : chosen
  const most = Math.max(...possible.map((shape) => shape.most))
  const help = `Run "agentfleet ${name} --help".`
  if (possible.length > 0 && args.length > most) {
    throw new UsageError(
      `"${args[most]}" is one argument too many; put an argument with spaces in quotes. ${help}`,
    )
  }
  const fitting = possible.filter(
    ({ least, most: all }) => least <= args.length && args.length <= all,
  )
  const given = Object.keys(values).filter((option) => !(option in GLOBAL_OPTIONS))
  // Without its arguments the command says what is missing.
  if (fitting.length === 0 || fitting.some(({ takes }) => given.every(takes))) return
  const unfit = given.find((option) => !fitting.some(({ takes }) => takes(option)))
  if (unfit === undefined) {
    const apart = given.filter((option) => !fitting.every(({ takes }) => takes(option)))
    const options = apart.map((option) => `--${option}`).join(' and ')
    throw new UsageError(`${options} do not go together. ${help}`)
  }
  const places = shapes.filter(({ takes }) => takes(unfit)).map(({ usage }) => `"${usage}"`)
  throw new UsageError(`--${unfit} works only in ${places.join(' and ')}. ${help}`)
}

function shapesOf({ usages, words = [], options = {} }: Command): readonly Shape[] {
  const named = new Set(usages.flatMap(optionsIn))
  const others = Object.keys(options).filter((option) => !named.has(option))
  return usages.flatMap((usage): readonly Shape[] => {
    const own = new Set([
      ...optionsIn(usage),
      ...(/\[(options|filters)\]/.test(usage) ? others : []),
    ])
    const takes = (option: string): boolean => own.has(option)
    const [, ...tokens] = usage
      .replaceAll(/\[([a-z]+)\]/g, (_whole, word: string) => (words.includes(word) ? word : ''))
      .replaceAll(/\[[^\]]*\]/g, '')
      .replaceAll(OPTION, (_whole, option: string, value = '') =>
        options[option]?.type === 'string' ? '' : value,
      )
      .split(' ')
      .filter(Boolean)
    const least = tokens.length
    const most = tokens.some((token) => token.endsWith('…')) ? Infinity : least
    const first = tokens[0]?.split('|') ?? []
    const shape = { usage: `agentfleet ${usage}`, least, most, takes }
    if (least === 0 || !first.every((word) => words.includes(word))) {
      return [{ ...shape, word: undefined, isDefault: true }]
    }
    return first.map((word) => {
      const isDefault = usage.includes(`[${word}]`)
      return { ...shape, word, isDefault, least: isDefault ? 0 : least }
    })
  })
}

function optionsIn(usage: string): readonly string[] {
  return [...usage.matchAll(OPTION)].flatMap(([, option = '']) => option)
}
