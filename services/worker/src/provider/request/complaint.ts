import type { ProviderError } from '../errors.ts'
import { SEARCHED_MAX, withoutValues } from '../safe-message.ts'

/**
 * Returns the complaint of a refusal without what it repeats of the request: words of the prompt
 * and invalid values say nothing about the endpoint.
 */
export function complaintOf(error: ProviderError, contents: readonly string[]): string {
  const said = withoutValues(error.message.slice(0, SEARCHED_MAX))
  const short = contents
    .map((text) => text.trim())
    .filter((text) => wordsOf(text).length < ECHO_WORDS)
  const withoutShort = short.reduce(
    (text, content) =>
      content === '' ? text : text.replaceAll(`'${content}'`, ' ').replaceAll(`"${content}"`, ' '),
    said,
  )
  const words = wordsOf(withoutShort)
  const runs = new Map<string, number[]>()
  for (const at of words.keys()) {
    const run = runAt(words, at)
    runs.set(run, [...(runs.get(run) ?? []), at])
  }
  const repeated = new Set<number>()
  for (const content of contents) {
    const prompt = wordsOf(content)
    for (const at of prompt.keys()) {
      for (const start of prompt.length - at < ECHO_WORDS
        ? []
        : (runs.get(runAt(prompt, at)) ?? [])) {
        for (let word = start; word < start + ECHO_WORDS; word += 1) repeated.add(word)
      }
    }
  }
  return repeated.size === 0 ? withoutShort : words.filter((_, at) => !repeated.has(at)).join(' ')
}

/** This many consecutive words of the prompt count as a repetition of it. */
const ECHO_WORDS = 4

function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}_.]+/gu) ?? []
}

function runAt(words: readonly string[], at: number): string {
  return words.slice(at, at + ECHO_WORDS).join(' ')
}
