/** Far above every answer of a gateway: a fleet of 10,000 nodes takes 5 MB. */
const BODY_BYTES_MAX = 256_000_000

/** The text of an answer; rejects when a server sends more than any gateway does, before it fills the memory. */
export async function bodyOf(response: Response, bytesMax = BODY_BYTES_MAX): Promise<string> {
  const stated = response.headers.get('content-length')
  // A gateway states the length, and fetch holds the server to it.
  if (stated !== null && Number(stated) <= bytesMax) return response.text()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
