import { createReadStream } from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { ClientError, createClient } from '@agentfleet/client'
import { bytes, given } from '@agentfleet/domain'
import type { Problem } from '@agentfleet/protocol'
import type { Context, Input } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import {
  CommandError,
  EXIT,
  exitCodeOf,
  explain,
  MissingArgument,
  UsageError,
  type ExitCode,
} from './exit.ts'
import { parseCommandLine, type CommandLine } from './parse/command-line.ts'
import { localFleets } from './local-fleet.ts'
import { commandHelp, overallHelp } from './parse/help.ts'
import { asCalledFrom, type AsCalled } from './parse/program.ts'
import { isSet, placeOf, textOf } from './parse/values.ts'
import { ansi, uncoloured } from './render/paint.ts'
import { cut, jsonLine, oneLine, safe } from './render/text.ts'

/** The two outputs of a command and the signal that stops it. */
export interface Terminal {
  /** The result. */
  out(text: string): void
  /** Notes, progress and errors. */
  err(text: string): void
  /** Columns of the terminal behind `out` now; undefined for a file or a pipe. */
  readonly columns: number | undefined
  /** Rows of the terminal behind `out` now. */
  readonly rows?: number | undefined
  /** Calls the listener after each change of this size, until the returned function is called. */
  onResize?(listener: () => void): () => void
  /** Columns of the terminal behind `err`. */
  readonly noteColumns: number | undefined
  readonly signal: AbortSignal
}

/** Values that a command takes from its process. */
export interface CliOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  readonly version: string
  /** The folder in which local fleets keep their state. */
  readonly stateDir: string
}

const URL_DEFAULT = 'http://127.0.0.1:8080'
/** A million short tasks; all of it is in memory at once. */
const FILE_BYTES_MAX = 256_000_000
const CLEAR_LINE = '\r\u001b[K'

/** Runs one command line and returns its exit code; it never throws. */
export async function runCli(argv: readonly string[], options: CliOptions): Promise<ExitCode> {
  const { terminal } = options
  const asCalled = asCalledFrom(options.env, COMMANDS)
  let line: CommandLine
  try {
    line = parseCommandLine(argv, COMMANDS)
  } catch (error) {
    return fail(error, { terminal, json: argv.includes('--json'), asCalled, url: '' })
  }
  if (line.kind === 'version') terminal.out(`${options.version}\n`)
  if (line.kind === 'help') {
    const { command } = line
    const help = command === undefined ? overallHelp(COMMANDS) : commandHelp(command)
    terminal.out(`${asCalled(help)}\n`)
  }
  if (line.kind !== 'run') return EXIT.done
  const json = isSet(line.input, 'json')
  let url = ''
  let context: Context | undefined
  try {
    url = await urlOf(line.input, options)
    context = contextOf(url, line.input, asCalled, options)
    return await line.command.run(context, line.input)
  } catch (error) {
    context?.progress('')
    if (terminal.signal.aborted) return EXIT.interrupted
    return fail(error, { terminal, json, asCalled, url, command: line.command.name })
  }
}

async function urlOf(input: Input, options: CliOptions): Promise<string> {
  const stated = textOf(input, 'url') ?? (options.env['AGENTFLEET_URL'] || undefined)
  // A person copies the address of the API or of the page.
  const url = (stated ?? (await localUrl(options))).replace(/\/(v1|console)\/?$/, '')
  const address = /^https?:\/\/[^\s]+$/.test(url) && URL.canParse(url) ? new URL(url) : undefined
  const { username, password, search, hash } = address ?? {}
  if (address !== undefined && !(username || password || search || hash)) return url
  const secret = username || password ? ' Give the key in AGENTFLEET_KEY.' : ''
  const shown = url.replace(/\/\/[^@/]*@/, '//…@')
  throw new UsageError(
    `"${shown}" is not the address of a gateway. Give an address such as ${URL_DEFAULT}, without a user, "?" and "#".${secret}`,
  )
}

async function localUrl({ stateDir, terminal }: CliOptions): Promise<string> {
  const [first, ...others] = await localFleets(stateDir)
  if (first === undefined) return URL_DEFAULT
  if (others.length > 0) {
    const urls = others.map(({ url }) => url).join(', ')
    terminal.err(
      `This command uses the fleet at ${first.url}. Other fleets of this checkout run at ${urls}; AGENTFLEET_URL or --url chooses one.\n`,
    )
  }
  return first.url
}

/** The key of the caller; a header cannot carry every character. */
function keyOf(input: Input, { env }: CliOptions): string | undefined {
  const key = (textOf(input, 'key') ?? env['AGENTFLEET_KEY'])?.trim() || undefined
  if (key === undefined || /^[\x21-\x7e]+$/.test(key)) return key
  throw new UsageError(
    'The key in AGENTFLEET_KEY or --key has a space, a line break or another character that no key has. Copy the key again.',
  )
}

function contextOf(url: string, input: Input, asCalled: AsCalled, options: CliOptions): Context {
  const { env, terminal, version, stateDir } = options
  const apiKey = keyOf(input, options)
  const { signal } = terminal
  const plain =
    terminal.columns === undefined || isSet(input, 'no-color') || Boolean(env['NO_COLOR'])
  let moving = false
  const progress = (text: string): void => {
    const { noteColumns } = terminal
    if (noteColumns === undefined || (text === '' && !moving)) return
    moving = text !== ''
    terminal.err(`${CLEAR_LINE}${cut(oneLine(text), noteColumns - 1)}`)
  }
  return {
    client: createClient({ baseUrl: url, signal, ...given({ apiKey }) }),
    url,
    apiKey,
    version,
    stateDir,
    json: isSet(input, 'json'),
    watch: isSet(input, 'watch'),
    paint: plain ? uncoloured : ansi,
    // A person may change the size of the terminal.
    get columns() {
      return terminal.columns
    },
    get rows() {
      return terminal.rows
    },
    onResize: (listener) => terminal.onResize?.(listener) ?? (() => undefined),
    commands: COMMANDS,
    asCalled,
    signal,
    localFleet: async () => (await localFleets(stateDir))[0],
    nowMs: () => Date.now(),
    print(line) {
      progress('')
      terminal.out(`${line}\n`)
    },
    note(line) {
      progress('')
      terminal.err(`${safe(asCalled(line))}\n`)
    },
    write(text) {
      progress('')
      terminal.out(text)
    },
    progress,
    read: (path) => read(path, signal),
  }
}

async function read(path: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let read = 0
  try {
    const stream = path === '-' ? process.stdin : createReadStream(path)
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(chunk as Buffer)
      read += (chunk as Buffer).byteLength
      if (read > FILE_BYTES_MAX) break
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`agentfleet cannot read ${placeOf(path)} (${reason}).`)
  }
  if (read > FILE_BYTES_MAX) {
    throw new UsageError(
      `agentfleet reads at most ${bytes(FILE_BYTES_MAX)}, and ${placeOf(path)} has more. Split the input into smaller parts.`,
    )
  }
  try {
    // Removes the mark that some editors of Windows put before the text of a file.
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    // Replaced bytes would be stored as a text that its author has not written.
    throw new UsageError(`${placeOf(path)} is not text in UTF-8. Save it in UTF-8 and try again.`)
  }
}

function fail(error: unknown, call: Call): ExitCode {
  const { terminal, json, asCalled } = call
  const found = failureOf(error, call)
  const failure = { ...found, message: asCalled(found.message) }
  if (json) terminal.err(`${jsonLine({ error: failure })}\n`)
  else terminal.err(`${safe(failure.message)}\n`)
  return failure.exitCode
}

/** The form in which `--json` prints a failure. */
interface Failure {
  readonly code: string
  readonly message: string
  readonly exitCode: ExitCode
  /** Seconds after which the same request may succeed, if the gateway named them. */
  readonly retryAfterS?: number
  /** The answer of the gateway, if it refused the request. */
  readonly problem?: Problem
}

/** What a command asked, and where, and how its failure is printed. */
interface Call {
  readonly terminal: Terminal
  readonly json: boolean
  readonly asCalled: AsCalled
  readonly url: string
  readonly command?: string
}

function usageText(error: UsageError, command: string | undefined): string {
  if (command === undefined || !(error instanceof MissingArgument)) return error.message
  return `${error.message} Run "agentfleet ${command} --help".`
}

function failureOf(error: unknown, { url, command }: Call): Failure {
  if (error instanceof UsageError) {
    return { code: 'usage', message: usageText(error, command), exitCode: EXIT.usage }
  }
  if (error instanceof CommandError) {
    return { code: 'command', message: error.message, exitCode: error.exitCode }
  }
  if (error instanceof ClientError) {
    const { status, problem, retryAfterS } = error
    const message = explain(error, url, command)
    const answer = given({ retryAfterS, problem: status === 0 ? undefined : problem })
    return { code: problem.code, message, exitCode: exitCodeOf(error), ...answer }
  }
  // The shape of an answer is not checked: a wrong one shows where it is used.
  if (url !== '' && (error instanceof TypeError || error instanceof RangeError)) {
    const message = `agentfleet cannot read the answer of the server at ${url} (${error.message}). Set AGENTFLEET_URL or --url to the address of a gateway; "agentfleet doctor" compares the releases.`
    return { code: 'unreadable', message, exitCode: EXIT.unreachable }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'unexpected', message, exitCode: EXIT.failed }
}
