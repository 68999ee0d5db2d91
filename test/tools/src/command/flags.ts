import { parseArgs, type ParseArgsConfig } from 'node:util'

/** The flags of the commands of this package, and their lines for people. */

/** Writes a line. */
export const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** The flags of a command: numbers with their values if the flag is not given, texts, and switches. */
interface Flags<N extends string, T extends string, S extends string> {
  readonly numbers: Readonly<Record<N, number>>
  readonly texts?: readonly T[]
  readonly switches?: readonly S[]
}

/** The values of flags. */
type Values<N extends string, T extends string, S extends string> = Readonly<
  Record<N, number> & Record<T, string | undefined> & Record<S, boolean>
>

/** A fault that the user of a command corrects, such as a wrong flag; the message says how. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/** The exit code of a command that did not run because the user must correct something first. */
const EXIT_WRONG_USE = 2

/** Reads the flags of a command; `help` asks how to use it. Throws a WrongUse. */
export function readFlags<N extends string, T extends string = never, S extends string = never>(
  args: readonly string[],
  { numbers, texts = [], switches = [] }: Flags<N, T, S>,
): Values<N, T, S> | 'help' {
  const names = Object.keys(numbers) as N[]
  const text = { type: 'string' } as const
  const onOff = { type: 'boolean', default: false } as const
  const values = parsed(args, {
    ...Object.fromEntries([...names, ...texts].map((name) => [name, text])),
    ...Object.fromEntries(['help', ...switches].map((name) => [name, onOff])),
  })
  if (values['help'] === true) return 'help'
  const read = names.map((name) => {
    return [name, positive(`--${name}`, values[name] as string | undefined, numbers[name])] as const
  })
  return { ...values, ...Object.fromEntries(read) } as Values<N, T, S>
}

/** Runs a command with what `read` reads from its flags; shows how to use it if asked, or if the user must correct something. */
export async function runCommand<V>(
  usage: string,
  read: (args: readonly string[]) => V | 'help',
  run: (values: V) => Promise<void>,
): Promise<void> {
  try {
    const values = read(process.argv.slice(2))
    if (values === 'help') return say(usage)
    await run(values)
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error
    process.stderr.write(`${error.message}\n\n${usage}\n`)
    process.exitCode = EXIT_WRONG_USE
  }
}

function parsed(
  args: readonly string[],
  options: NonNullable<ParseArgsConfig['options']>,
): Readonly<Record<string, unknown>> {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new WrongUse((error as Error).message)
  }
}

/** A positive number from text, or the fallback without one. */
function positive(flag: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!(value > 0)) throw new WrongUse(`${flag} must be a number above 0, got ${text}`)
  return value
}

/** The parts that `--only` names, in the order they run; all without it. */
export function partsOf<P extends string>(
  all: readonly P[],
  only: string | undefined,
): readonly P[] {
  const names = only?.split(',') ?? all
  const unknown = names.filter((name) => !all.some((part) => part === name))
  if (unknown.length > 0) {
    throw new WrongUse(`--only knows ${all.join(', ')}, not ${unknown.join(', ')}`)
  }
  return all.filter((part) => names.includes(part))
}
