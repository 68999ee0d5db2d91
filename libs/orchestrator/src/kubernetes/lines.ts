/** Longest line of a watch, characters: an object of a cluster has at most 1.5 MiB. */
const LINE_MAX = 4 * 1024 * 1024

/** The lines of a stream; throws on one that is longer than any object can be. */
export async function* readLines(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  stream.setEncoding('utf8')
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_MAX) throw new Error(`a line is longer than ${LINE_MAX} characters`)
    for (const line of lines) if (line.trim() !== '') yield line
  }
}
