import { pino, type DestinationStream, type Logger as ProcessLogger } from 'pino'

/** The logger of the system: fields first, then a message that names the operation and its result. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

/** The levels that LOG_LEVEL may name, most quiet first. */
export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const

/** One of the levels that LOG_LEVEL may name. */
export type LogLevel = (typeof logLevels)[number]

const SECRET_KEYS = ['apiKey', 'authorization', 'password', 'token']

// The redactor hides a secret at the first three levels (`req.headers.authorization`), because it has no rule for
// every depth; a log line has no deeper values.
const REDACTED_PATHS = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`])

/** The fields of every line of a process, and the destination of the lines. */
export interface LoggerOptions {
  service: string
  id: string
  level: LogLevel
  /** Destination of the lines instead of standard output. */
  destination?: DestinationStream
}

/** A logger of JSON lines that never writes the value of a key known to hold a secret. */
export function createLogger({ service, id, level, destination }: LoggerOptions): ProcessLogger {
  return pino(
    {
      level,
      base: { service, id },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    destination ?? standardOutput(),
  )
}

/** Lines that cannot be written, as the disk is full, wait up to this many bytes; later ones are dropped. */
const UNWRITTEN_MAX_BYTES = 1_048_576

/** Synchronous, so that the line that explains an exit is not lost. A full disk must not end a process. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true, maxLength: UNWRITTEN_MAX_BYTES })
  output.on('error', () => undefined)
  return output
}
