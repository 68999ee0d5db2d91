import type { Readable } from 'node:stream'

/**
 * Server-sent events of a streamed answer, read as text. The SDK's own reader copies every event
 * several times into new arrays, and with thousands of streams their collection stops the event loop.
 */

/** A line that never ends is no event stream, characters. */
const LINE_MAX = 4 * 1024 * 1024

/** Takes pieces of text and hands out the data of each complete event; throws at an endless line. */
export function createEventSplitter(onData: (data: string) => void): (text: string) => void {
  let rest = ''
  let data: string | undefined

  const takeLine = (line: string): void => {
    if (line === '') {
      if (data !== undefined) onData(data)
      data = undefined
    } else if (line.startsWith('data:')) {
      const value = line.slice(line.charCodeAt(5) === 0x20 ? 6 : 5)
      data = data === undefined ? value : `${data}\n${value}`
    }
    // Names, ids and comments say nothing that an answer needs.
  }

  return (text) => {
    const buffered = rest === '' ? text : rest + text
    let from = 0
    for (let end = buffered.indexOf('\n'); end !== -1; end = buffered.indexOf('\n', from)) {
      const until = end > from && buffered.charCodeAt(end - 1) === 0x0d ? end - 1 : end
      takeLine(buffered.slice(from, until))
      from = end + 1
    }
    rest = buffered.slice(from)
    if (rest.length > LINE_MAX) throw new SyntaxError('an endless line')
  }
}

/** Reads a body to its end; rejects when it breaks off or when `onData` throws. */
export function readEvents(body: Readable, onData: (data: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const split = createEventSplitter(onData)
    body.setEncoding('utf8')
    body.on('data', (text: string) => {
      try {
        split(text)
      } catch (error) {
        reject(error)
        body.destroy()
      }
    })
    body.on('error', reject)
    // After an end this changes nothing; after a destruction without an error it is the end.
    body.on('end', resolve)
    body.on('close', resolve)
  })
}
