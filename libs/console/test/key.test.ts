import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const KEY = 'agentfleet.key'
const stored = new Map<string, string>()
let answer: () => Promise<Response>

beforeEach(() => {
  stored.clear()
  vi.resetModules()
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  })
  vi.stubGlobal('document', { querySelector: () => null })
  vi.stubGlobal('location', {
    pathname: '/console/',
    search: '',
    href: 'http://127.0.0.1/console/',
  })
  vi.stubGlobal('history', { state: null, scrollRestoration: 'auto' })
  vi.stubGlobal('addEventListener', () => undefined)
  vi.stubGlobal('fetch', () => answer())
})
afterEach(() => vi.unstubAllGlobals())

/** The parts of `key.ts` and `http.ts` that a tab uses; the types of a browser are not known here. */
interface Keys {
  readonly apiKey: { readonly value: string | undefined }
  readonly keyWanted: { readonly value: boolean }
  readonly refusedKey: { readonly value: object | undefined }
  useKey(key: string): void
  askOtherTabs(): Promise<string | undefined>
}
interface Http {
  request(path: string): Promise<unknown>
}

/** The modules of one tab. */
async function openTab(): Promise<Keys & Http> {
  const keys = await vi.importActual<Keys>('../page/api/key.ts')
  const { request } = await vi.importActual<Http>('../page/api/http.ts')
  return { ...keys, request }
}

const refusal = () =>
  new Response('{"code":"unauthorized","detail":"The key has expired."}', { status: 401 })

test('a key that the API refuses is gone from the tab, and another tab cannot give it back', async () => {
  const tab = await openTab()
  tab.useKey('expired')
  expect(stored.get(KEY)).toBe('expired')
  answer = async () => refusal()
  await expect(tab.request('/v1/me')).rejects.toMatchObject({ status: 401 })
  expect([tab.apiKey.value, tab.keyWanted.value, stored.size]).toEqual([undefined, true, 0])
  expect(tab.refusedKey.value).toEqual({ key: 'expired', why: 'The key has expired.' })
  const other = new BroadcastChannel(KEY)
  const answers = ['expired', 'fresh']
  other.addEventListener('message', () => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches this origin only
    for (const key of answers) other.postMessage({ key })
  })
  expect(await tab.askOtherTabs()).toBe('fresh')
  answers.pop()
  expect(await tab.askOtherTabs()).toBeUndefined()
  other.close()
})

test('a refusal of the key before does not take away the key that the reader has entered meanwhile', async () => {
  const tab = await openTab()
  tab.useKey('old')
  let refuse: (response: Response) => void = () => undefined
  answer = () => new Promise((resolve) => (refuse = resolve))
  const late = tab.request('/v1/me')
  tab.useKey('new')
  refuse(refusal())
  await expect(late).rejects.toMatchObject({ status: 401 })
  expect([tab.apiKey.value, tab.keyWanted.value, stored.get(KEY)]).toEqual(['new', false, 'new'])
})

test.for([
  ['text in place of JSON', new Response('<html>', { status: 200 }), 'unreadable-answer'],
  [
    'an explanation that is not an object',
    new Response('null', { status: 503 }),
    'unreadable-answer',
  ],
  [
    'an explanation of wrong types',
    new Response('{"code":7,"detail":{"a":1},"title":[],"errors":"x"}', { status: 400 }),
    'unreadable-answer',
  ],
] as const)('%s is a failure that says what the gateway answered', async ([, response, code]) => {
  const tab = await openTab()
  answer = async () => response
  await expect(tab.request('/v1/me')).rejects.toMatchObject({
    name: 'ApiError',
    code,
    title: '',
    errors: [],
    message: `The gateway answered ${response.status} ${response.ok ? 'with text that is not JSON' : 'without an explanation'}.`,
  })
})

test('an answer that breaks off is a failure to reach the gateway', async () => {
  const tab = await openTab()
  const broken = new ReadableStream({ start: (stream) => stream.error(new TypeError('cut off')) })
  answer = async () => new Response(broken)
  await expect(tab.request('/v1/me')).rejects.toMatchObject({ code: 'unreachable', status: 0 })
})
