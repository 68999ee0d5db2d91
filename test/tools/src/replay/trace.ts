import { createReadStream } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { WrongUse } from '../command/flags.ts'

/** One request of a recorded trace. */
export interface TraceRow {
  /** Since the first request of the trace. */
  readonly atMs: number
  readonly promptTokens: number
  readonly answerTokens: number
}

const HEAD = 'TIMESTAMP,ContextTokens,GeneratedTokens'
/** Fractions of a second beyond milliseconds, which Date cannot hold. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?$/

/** Reads at most `limit` rows of a CSV trace; throws a WrongUse for a file that cannot be read and for the first invalid line. */
export async function readTrace(file: string, limit: number): Promise<TraceRow[]> {
  await requireFile(file)
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity })
  const rows: TraceRow[] = []
  let firstMs: number | undefined
  let number = 0
  for await (const line of lines) {
    number += 1
    if (number === 1) {
      if (line.trim() !== HEAD) throw new WrongUse(`${file} does not begin with ${HEAD}`)
      continue
    }
    if (line.trim() === '') continue
    const [timestamp = '', prompt, answer] = line.split(',')
    const absoluteMs = parseTimestamp(timestamp)
    const [promptTokens, answerTokens] = [Number(prompt), Number(answer)]
    if (![absoluteMs, promptTokens, answerTokens].every((value) => value >= 0)) {
      throw new WrongUse(`${file}:${number} is not a row of a trace: ${line}`)
    }
    firstMs ??= absoluteMs
    rows.push({ atMs: Math.max(0, absoluteMs - firstMs), promptTokens, answerTokens })
    if (rows.length === limit) break
  }
  return rows
}

/** Throws a WrongUse if the file cannot be read. */
export async function requireFile(file: string): Promise<void> {
  await access(file, constants.R_OK).catch((error: Error) => {
    throw new WrongUse(`the trace cannot be read: ${error.message}`)
  })
}

function parseTimestamp(text: string): number {
  const match = TIMESTAMP.exec(text)
  if (match === null) return Number.NaN
  return Date.parse(`${match[1]}T${match[2]}Z`) + Number(match[3] ?? 0) * 1000
}
