import type { IncomingMessage } from 'node:http'
import { PassThrough, type Readable, type Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  unzipSync,
} from 'node:zlib'

/**
 * Removes the compression of a body.
 *
 * The first bytes decide, because proxies compress without a label, decompress and keep the label, or
 * compress twice. Invariants: what was decoded before a defect is passed on; of a body that cannot be
 * decoded no byte is passed on; decoding stops at a size that only an attack reaches.
 */
export class DecodedBody extends PassThrough {
  /** Why the body, or the rest of it, could not be decoded. */
  problem: string | undefined
}

/** Compressions around each other; more are an attack. */
const LAYERS_MAX = 3
/** Bytes from which the ratio counts. */
const FREE_BYTES = 8 * 1024 * 1024
/** Short events shrink to a fiftieth; a body that shrinks more than this is an attack. */
const RATIO_MAX = 200
/** The first bytes, which are enough to recognise a form. */
const HEAD_BYTES = 4
/** Bytes of one write: after an error zlib drops the output of the whole write. */
const SLICE_BYTES = 1_024
/** Bytes of gzip's checksum, which is written alone for the same reason. */
const CHECKSUM_BYTES = 8

/** Encodings that change nothing. */
const NO_ENCODING = /^(|identity|none|utf-?8|aws-chunked|chunked|binary)$/

/** Returns the encodings that the headers name, the outermost first. */
export function encodingsOf({ headers }: IncomingMessage): readonly string[] {
  const { 'content-encoding': content = '', 'transfer-encoding': transfer = '' } = headers
  if (content === '' && (transfer === '' || transfer === 'chunked')) return NO_LABELS
  const labels = `${content},${transfer}`.toLowerCase().split(',')
  return labels
    .map((label) => label.trim().replace(/^x-/, ''))
    .filter((label) => !NO_ENCODING.test(label))
    .reverse()
}

const NO_LABELS: readonly string[] = []

/** Whether a body without a label may be compressed, by its first byte. */
export function mayBeCompressed(first: Uint8Array): boolean {
  return MARKS.some(({ bytes: [mark] }) => mark === first[0])
}

/** Returns the body of a message without these encodings and those that its first bytes show. */
export function decodedBody(message: Readable, labels: readonly string[]): DecodedBody {
  const body = new DecodedBody()
  const open: Readable[] = [message]
  let wireBytes = 0
  let decodedBytes = 0
  message.on('data', (bytes: Buffer) => void (wireBytes += bytes.byteLength))
  const fail = (problem: string): void => {
    body.problem ??= problem
    body.end()
    for (const stream of open) stream.destroy()
  }
  const remove = (source: Readable, rest: readonly string[], layer: number): void => {
    readHead(source, (head, ended) => {
      const form = formOf(head, rest)
      if (form.kind === 'plain') return pump(source, body, head, ended)
      if (form.kind === 'unknown')
        return fail(`its encoding is ${form.name}, which the worker cannot read`)
      if (layer === LAYERS_MAX) return fail(`it is compressed more than ${LAYERS_MAX} times`)
      const { decoder, name } = form
      open.push(decoder)
      decoder.on('error', ({ message: said }) => fail(`its ${name} is defective: ${said}`))
      decoder.on('data', ({ byteLength }: Buffer) => {
        decodedBytes += byteLength
        if (decodedBytes > Math.max(FREE_BYTES, RATIO_MAX * wireBytes)) {
          fail(`it decompresses to more than ${RATIO_MAX} times its size`)
        }
      })
      remove(decoder, form.rest, layer + 1)
      pump(source, decoder, head, ended)
    })
  }
  body.on('error', () => undefined)
  body.once('close', () => {
    for (const stream of open) stream.destroy()
  })
  remove(message, labels, 0)
  // The message is paused if its first bytes were seen and put back.
  message.resume()
  return body
}

/** Reads the first bytes of a stream and pauses it. */
function readHead(source: Readable, then: (head: Buffer, ended: boolean) => void): void {
  let head: Buffer = Buffer.alloc(0)
  const finish = (ended: boolean): void => {
    source.off('data', hear).off('end', end).off('error', end).off('close', end)
    source.pause()
    then(head, ended)
  }
  const end = (): void => finish(true)
  const hear = (bytes: Buffer): void => {
    head = Buffer.concat([head, bytes])
    if (head.byteLength >= HEAD_BYTES) finish(false)
  }
  source.on('data', hear).on('end', end).on('error', end).on('close', end)
}

/** Writes a stream to another one; a source that breaks ends the target. */
function pump(source: Readable, target: Transform, head: Buffer, ended: boolean): void {
  const write = (bytes: Buffer): void => {
    let more = true
    for (const slice of slicesOf(bytes)) if (target.writable) more = target.write(slice)
    if (!more) source.pause()
  }
  const end = (): void => {
    if (target.writable) target.end()
  }
  write(head)
  if (ended || source.destroyed) return end()
  target.on('drain', () => source.resume())
  source.on('data', write).once('end', end).once('error', end).once('close', end)
  if (!target.writableNeedDrain) source.resume()
}

function* slicesOf(bytes: Buffer): Generator<Buffer> {
  const last = Math.max(0, bytes.byteLength - CHECKSUM_BYTES)
  for (let at = 0; at < last; at += SLICE_BYTES) {
    yield bytes.subarray(at, Math.min(last, at + SLICE_BYTES))
  }
  yield bytes.subarray(last)
}

type Form =
  | { readonly kind: 'plain' }
  | { readonly kind: 'unknown'; readonly name: string }
  | {
      readonly kind: 'compressed'
      readonly name: string
      readonly decoder: Transform
      /** The labels of the encodings within this one. */
      readonly rest: readonly string[]
    }

/** A body that was truncated yields what it has. */
const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH }
const BROTLI_FLUSH = { finishFlush: constants.BROTLI_OPERATION_FLUSH }

/** The forms that the first bytes show; Node 20 has no decoder for the last two. */
const MARKS: readonly {
  readonly bytes: readonly [number, ...number[]]
  readonly name: string
  readonly create?: () => Transform
}[] = [
  { bytes: [0x1f, 0x8b], name: 'gzip', create: () => createGunzip(FLUSH) },
  ...[0x01, 0x5e, 0x9c, 0xda].map((level) => ({
    bytes: [0x78, level] as const,
    name: 'deflate',
    create: () => createInflate(FLUSH),
  })),
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], name: 'zstd' },
  { bytes: [0x1f, 0x9d], name: 'compress' },
]

/** The beginning of an answer without compression. */
const PLAIN = /^(\xEF\xBB\xBF)?\s*(data|even|id:|retr|:|\{\s*["\s}]|\{$|\[\s*["{[D]|<)/i
/** Only text: no compressed body begins with four such bytes, except for the two forms without a mark. */
const TEXT = /^[\t\n\r\x20-\x7e]*$/

function formOf(head: Buffer, labels: readonly string[]): Form {
  const mark = MARKS.find(({ bytes }) => bytes.every((byte, at) => head[at] === byte))
  const [label, ...others] = labels
  if (mark !== undefined) {
    const { name, create } = mark
    if (create === undefined) return { kind: 'unknown', name }
    const at = labels.indexOf(name)
    const rest = at < 0 ? others : labels.slice(at + 1)
    return { kind: 'compressed', name, decoder: create(), rest }
  }
  const start = head.toString('latin1', 0, 64)
  if (label === undefined || head.byteLength === 0 || PLAIN.test(start)) return { kind: 'plain' }
  // The two forms without a mark.
  if (label === 'br' || label === 'deflate') {
    const decoder = label === 'br' ? createBrotliDecompress(BROTLI_FLUSH) : createInflateRaw(FLUSH)
    return { kind: 'compressed', name: label, decoder, rest: others }
  }
  return TEXT.test(start.slice(0, HEAD_BYTES))
    ? { kind: 'plain' }
    : { kind: 'unknown', name: `not ${label}` }
}

/** Bytes of the text of a refusal. */
const TEXT_MAX = 256 * 1024

/** Returns the text of a refusal; empty if it is compressed in a form that cannot be read. */
export function textOfBytes(bytes: Buffer): string {
  const mark = MARKS.find(({ bytes: [first, second] }) => bytes[0] === first && bytes[1] === second)
  if (mark === undefined) return bytes.toString('utf8')
  try {
    return unzipSync(bytes, { ...FLUSH, maxOutputLength: TEXT_MAX }).toString('utf8')
  } catch {
    return ''
  }
}
