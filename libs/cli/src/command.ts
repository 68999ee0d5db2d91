import type { Client } from '@agentfleet/client'
import type { FleetAccess } from '@agentfleet/local'
import type { ExitCode } from './exit.ts'
import type { AsCalled } from './parse/program.ts'
import type { Look } from './render/table.ts'

/** One option of a command, as parsing, help and completion need it. */
export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** The word for its value in the help. */
  readonly value?: string
  readonly help: string
  readonly multiple?: boolean
  /** The only values that it takes. */
  readonly choices?: readonly string[]
}

/** What only few options have. */
type More = Pick<Option, 'short' | 'multiple' | 'choices'>

/** An option that takes a value; the help shows the word `value` for it. */
export function takes(value: string, help: string, more: More = {}): Option {
  return { type: 'string', value, help, ...more }
}

/** An option without a value. */
export function flag(help: string, more: More = {}): Option {
  return { type: 'boolean', help, ...more }
}

/** Options by their long names. */
export type Options = Readonly<Record<string, Option>>

/** One command; the table of all commands makes parsing, `--help` and completion. */
export interface Command {
  readonly name: string
  readonly summary: string
  /** Its arguments as the help shows them, one usage a line. */
  readonly usages: readonly string[]
  readonly options?: Options
  /** The first words that it takes. */
  readonly words?: readonly string[]
  /** More help, in whole lines. */
  readonly notes?: readonly string[]
  run(context: Context, input: Input): Promise<ExitCode>
}

/** The arguments and options of one call. */
export interface Input {
  readonly args: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
}

/** A command's connection to the fleet and to its user. */
export interface Context extends Look {
  /** Its requests end when the user stops the command. */
  readonly client: Client
  /** Base URL of the gateway. */
  readonly url: string
  readonly apiKey: string | undefined
  /** The version of this checkout. */
  readonly version: string
  /** The folder in which local fleets keep their state. */
  readonly stateDir: string
  readonly json: boolean
  /** Whether the command shows its view until the user stops it, and not only once. */
  readonly watch: boolean
  /** Rows of the terminal. */
  readonly rows: number | undefined
  /** Calls the listener after each change of the terminal's size, until the returned function is called. */
  onResize(listener: () => void): () => void
  readonly commands: readonly Command[]
  /** For a result that names commands; notes and errors pass through it anyway. */
  readonly asCalled: AsCalled
  readonly signal: AbortSignal
  /** The fleet of `npm start` in this checkout, if one runs. */
  localFleet(): Promise<FleetAccess | undefined>
  nowMs(): number
  /** One line of the result. */
  print(line: string): void
  /** One line for the person at the terminal, outside the result. */
  note(line: string): void
  /** A piece of the result without a line break. */
  write(text: string): void
  /** Replaces the moving line of progress; an empty text removes it. */
  progress(text: string): void
  /** The text of a file, or of the standard input if the path is `-`. */
  read(path: string): Promise<string>
}
