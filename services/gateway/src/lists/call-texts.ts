import type { Json } from '@agentfleet/domain'
import type { CallText } from '@agentfleet/protocol'

/**
 * Texts of calls in a bounded number of bytes. Invariant: a text that lost a part says so, and says how long it
 * is (L7).
 */

/** Bytes of all earlier messages in one answer: a person reads far less of them. */
const EARLIER_BYTES_MAX = 1024 * 1024

/** The beginning of a text, as long as it has at most so many bytes. */
export function clip(text: string, bytesMax: number): CallText {
  const bytes = Buffer.byteLength(text)
  if (bytes <= bytesMax) return { text, bytes }
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytesMax))
  return { text: text.slice(0, read), bytes, cut: true }
}

/**
 * Creates an empty collection of clipped texts, which together stay below EARLIER_BYTES_MAX: the oldest lose their
 * text first.
 */
export function createClips(textBytes: number) {
  const kept: CallText[] = []
  let oldest = 0
  let bytes = 0
  return {
    keep(text: string): CallText {
      const clipped = clip(text, textBytes)
      kept.push(clipped)
      bytes += Buffer.byteLength(clipped.text)
      while (bytes > EARLIER_BYTES_MAX) {
        const emptied = kept[oldest]
        if (emptied === undefined) break
        oldest += 1
        bytes -= Buffer.byteLength(emptied.text)
        if (emptied.bytes > 0) Object.assign(emptied, { text: '', cut: true })
      }
      return clipped
    },
  }
}

/** The text of a call's answer. */
export function textIn(output: Json): string {
  if (isObject(output) && typeof output['text'] === 'string') return output['text']
  return typeof output === 'string' ? output : JSON.stringify(output)
}

/** The tool calls that a model requested in an answer; `text` holds the arguments as the model wrote them. */
export function toolCallsIn(output: Json): readonly { name: string; text: string }[] {
  const calls = isObject(output) ? output['toolCalls'] : undefined
  if (!Array.isArray(calls)) return []
  return calls
    .filter(isObject)
    .map((call) => ({ name: textIn(call['name'] ?? ''), text: textIn(call['arguments'] ?? '') }))
}

function isObject(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
