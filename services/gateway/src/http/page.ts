import { hash } from 'node:crypto'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Encoding, PageFile } from '@agentfleet/console'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from './problems.ts'

/** The folder of the page in the address. */
const FOLDER = '/console'
/** The file that every address of a view gets. */
const INDEX = 'index.html'

/** The page loads from the gateway alone, runs no inline script, and no other page may embed it. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const

/** A file and its tag, by which a browser asks whether it has changed. */
interface Served extends PageFile {
  readonly tag: string
}

/**
 * Serves the page from memory at `/console`, and sends browsers that open `/` to it. `publicPath` is the path that
 * a proxy has before every address.
 */
export function servePage(
  app: FastifyInstance,
  files: readonly PageFile[],
  publicPath: string,
): void {
  const own = publicPath === '' ? files : files.map((file) => withPath(file, publicPath))
  const served = new Map(own.map((file) => [file.path, { ...file, tag: tagOf(file.bytes) }]))
  app.get('/', (request, reply) => {
    if (!wantsPage(request)) return reply.callNotFound()
    return reply.redirect(`${publicPath}${FOLDER}/`, 302)
  })
  app.get(FOLDER, (_request, reply) => reply.redirect(`${publicPath}${FOLDER}/`, 302))
  app.get<{ Params: { '*': string } }>(`${FOLDER}/*`, (request, reply) =>
    send(request, reply, fileFor(request.params['*'], served)),
  )
}

/** Whether the path belongs to the page. */
export function isPage(path: string): boolean {
  return path === FOLDER || path.startsWith(`${FOLDER}/`)
}

/** Returns the address of a request without the path of the proxy, whether the proxy removed it or not. */
export function withoutPath(url: string, publicPath: string): string {
  if (!url.startsWith(publicPath)) return url
  const rest = url.slice(publicPath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : url
}

/** Puts the path of the proxy into the index: before the addresses of its files, and where the page reads it. */
function withPath(file: PageFile, publicPath: string): PageFile {
  if (file.path !== INDEX) return file
  const text = String(file.bytes)
    .replaceAll(`"${FOLDER}/`, `"${publicPath}${FOLDER}/`)
    .replace(/(name="public-path"\s+content=")"/, `$1${publicPath}"`)
  const bytes = Buffer.from(text)
  return { ...file, bytes, encoded: { br: brotliCompressSync(bytes), gzip: gzipSync(bytes) } }
}

/** Returns the file of an address; an address of a view gets the index. */
function fileFor(path: string, served: ReadonlyMap<string, Served>): Served {
  const index = served.get(INDEX)
  if (index === undefined) {
    throw new Refusal(
      'path-not-found',
      'The page has not been built. Start the fleet with npm start, which builds the page.',
    )
  }
  const file = served.get(path)
  if (file !== undefined) return file
  if (path.startsWith('assets/')) {
    throw new Refusal(
      'path-not-found',
      'The gateway has no file at this path. Load the page again.',
    )
  }
  return index
}

function send(request: FastifyRequest, reply: FastifyReply, file: Served): FastifyReply {
  const cache = file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache'
  void reply.headers({
    ...HEADERS,
    'cache-control': cache,
    etag: file.tag,
    vary: reply.hasHeader('vary') ? 'accept-encoding, origin' : 'accept-encoding',
  })
  if (request.headers['if-none-match'] === file.tag) return reply.code(304).send()
  const encoding = encodingFor(request.headers['accept-encoding'], file)
  if (encoding !== undefined) void reply.header('content-encoding', encoding)
  const body = encoding === undefined ? file.bytes : file.encoded[encoding]
  return reply.header('content-type', file.type).send(body)
}

/** Returns the smallest stored encoding that the browser accepts. */
function encodingFor(
  accepted: string | string[] | undefined,
  file: PageFile,
): Encoding | undefined {
  const names = String(accepted ?? '')
    .split(',')
    .map((part) => part.trim())
    // `q=0` refuses an encoding.
    .filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part))
    .map((part) => part.split(';')[0])
  return (['br', 'gzip'] as const).find(
    (encoding) => names.includes(encoding) && file.encoded[encoding] !== undefined,
  )
}

function wantsPage({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes('text/html') === true
}

function tagOf(bytes: Buffer): string {
  return `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"`
}
