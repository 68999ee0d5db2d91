import { SCOPES } from '@agentfleet/domain'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Page } from './browser.ts'
import { ASKING, fleetOf, summaryOf, T0_MS } from './seeded.ts'
import { Cut, Raw, Refused, type Answer } from './stub.ts'
import { openStubbedTab, type StubbedTab } from './tab.ts'

/** What a reader meets while a gateway, the network, a key, a clock or another tab is in trouble; text that was typed stays. */

const TYPED = 'Typed by the reader'
const SLOW_MS = 5_000
/** The page gives up after 20 s. */
const NEVER_MS = 30_000
const DAY_MS = 86_400_000

const LISTED = [0, 1].map((at) => summaryOf(at))

/** How the gateway answers now, around the usual answer. */
let around: (usual: () => unknown, url: URL, method: string) => unknown
let agent: { version: number; definition: object }
/** The headers that the gateway accepts; none: it needs no key. */
let keys: readonly string[] = []

let own: StubbedTab
let page: Page
beforeAll(async () => {
  const answer: Answer = (url, method, asked) =>
    around(() => usual(url, method, asked), url, method)
  own = await openStubbedTab(answer, { timezoneId: 'UTC' })
}, 300_000)
afterAll(() => own[Symbol.asyncDispose]())
beforeEach(async () => {
  around = (get) => get()
  keys = []
  agent = { version: 1, definition: { description: 'Reads', systemPrompt: 'Read.' } }
  page = await own.session.newPage()
})

const usual: Answer = (url, method, { body, headers }) => {
  if (keys.length > 0 && !keys.includes(headers.authorization ?? ''))
    return new Refused({ status: 401, code: 'unauthorized', detail: 'This key expired.' })
  if (url.pathname === '/v1/me') return { keyId: 'k', tenant: 'acme', scopes: SCOPES }
  if (url.pathname === '/v1/fleet') return fleetOf(3)
  if (url.pathname === '/v1/agents')
    return { agents: [{ name: 'reader', builtIn: false, ...agent }] }
  if (url.pathname === '/v1/agents/reader') {
    if (method !== 'PUT') return viewOf()
    if (headers['if-match'] !== `"${agent.version}"`)
      return new Refused({ status: 412, code: 'version-mismatch', detail: 'There is a newer one.' })
    agent = { version: agent.version + 1, definition: body as object }
    return viewOf()
  }
  if (url.pathname === '/v1/agents/reader/versions') return { versions: [viewOf()] }
  if (url.pathname === '/v1/tasks')
    return { tasks: url.searchParams.has('waitingKind') ? [ASKING] : LISTED, scanned: 2 }
  if (url.pathname === '/v1/tasks:count')
    return { at: '', groupBy: 'state', exact: true, groups: [] }
  if (url.pathname === '/v1/tasks:cancel') return { matched: 2, cancelled: 2, failed: [] }
  return undefined
}

function viewOf(): unknown {
  return { name: 'reader', builtIn: false, updatedAt: new Date(T0_MS).toISOString(), ...agent }
}

const button = (name: string | RegExp, tab = page) => tab.getByRole('button', { name })
const description = (tab = page) =>
  tab.locator('form.box').getByLabel('Description', { exact: true })

/** Opens the form of the agent and types into it. */
async function typeInto(tab = page, text = TYPED): Promise<void> {
  await tab.goto(`${own.stub.url}/console/agents/reader`)
  await button('Change the definition', tab).click()
  await description(tab).fill(text)
}

async function enterKey(key: string): Promise<void> {
  await page.getByLabel('API key').fill(key)
  await button('Use the key').click()
  await page.getByLabel('API key').waitFor({ state: 'hidden' })
}

/** Makes every view read its data now. */
async function renew(): Promise<void> {
  await page.evaluate(`(async () => {
    const pause = document.querySelector('header button[aria-pressed]')
    pause.click()
    await new Promise((resolve) => requestAnimationFrame(() => resolve()))
    pause.click()
  })()`)
}

const TROUBLE: readonly (readonly [string, (get: () => unknown) => unknown])[] = [
  ['with half an answer', (get) => new Cut(get())],
  [
    'with JSON that stops',
    (get) => new Raw(200, 'application/json', JSON.stringify(get()).slice(0, -9)),
  ],
  ['with HTML', () => new Raw(200, 'text/html', '<h1>Welcome</h1>')],
  ['with an empty object', () => ({})],
  ['with an array', () => []],
  ['with null', () => new Raw(200, 'application/json', 'null')],
  ['with 503', () => new Raw(503, 'text/html', '<h1>Bad gateway</h1>')],
]

afterEach(() => page.close())

it.each(TROUBLE)(
  'text that the reader has typed next to a list stays when the gateway answers %s, and while it recovers',
  async (_name, wrong) => {
    await page.goto(`${own.stub.url}/console/approvals`)
    const note = page.getByLabel('Note to the agent (optional)')
    await note.fill(TYPED)
    around = (get, { pathname }) => (pathname === '/v1/tasks' ? wrong(get) : get())
    await renew()
    const words = page
      .getByText(/stopped in the middle|not JSON|without “tasks”|answered 503/)
      .first()
    await words.waitFor()
    expect(await note.inputValue()).toBe(TYPED)
    around = (get) => get()
    await renew()
    await words.waitFor({ state: 'hidden' })
    expect(await note.inputValue()).toBe(TYPED)
  },
)

it('a gateway that answers after 5 s is awaited, and text that the reader types meanwhile stays', async () => {
  around = async (get) => {
    await pause(SLOW_MS)
    return get()
  }
  await page.goto(`${own.stub.url}/console/agents/reader`)
  await page.getByText('Loading …').first().waitFor()
  await button('Change the definition').click({ timeout: 4 * SLOW_MS })
  await description().fill(TYPED)
  await button('Save as a new version').click()
  await button('Change the definition').waitFor({ timeout: 4 * SLOW_MS })
  expect(agent).toMatchObject({ version: 2, definition: { description: TYPED } })
})

it('a change whose answer never arrives keeps its text, says that it may be made, and is not a conflict with itself', async () => {
  await typeInto()
  around = async (get, _url, method) => {
    const made = get()
    if (method === 'PUT') await pause(NEVER_MS)
    return made
  }
  await button('Save as a new version').click()
  const words = page.getByText('did not answer in 20 s. It may have made the change all the same')
  await words.waitFor({ timeout: NEVER_MS })
  expect(await description().inputValue()).toBe(TYPED)
  around = (get) => get()
  await button('Save as a new version').click()
  await button('Change the definition').waitFor()
  expect(agent.version).toBe(2)
})

it('two tabs that change the same agent show the second one both changes', async () => {
  await typeInto()
  const other = await own.session.newPage()
  await typeInto(other, 'Typed in the other tab')
  await button('Save as a new version', other).click()
  await button('Change the definition', other).waitFor()
  await other.close()
  await button('Save as a new version').click()
  await page.getByText('Version 2 was saved while you edited').waitFor()
  await button('Edit mine further').click()
  expect(await description().inputValue()).toBe(TYPED)
  await button('Save as a new version').click()
  await button('Change the definition').waitFor()
  expect(agent).toMatchObject({ version: 3, definition: { description: TYPED } })
})

it('a key that expires while a dialog is open is asked for in front of the dialog, which then has what was typed', async () => {
  keys = ['Bearer first', 'Bearer second']
  await page.goto(`${own.stub.url}/console/tasks`)
  await enterKey('first')
  await page.locator('tbody tr').first().waitFor()
  await button(/^Cancel all/).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/^Reason/).fill(TYPED)
  keys = ['Bearer second']
  await dialog.getByRole('button', { name: 'Cancel 2 tasks' }).click()
  await enterKey('second')
  expect(await dialog.getByLabel(/^Reason/).inputValue()).toBe(TYPED)
  await dialog.getByRole('button', { name: /Continue|Cancel 2 tasks/ }).click()
  await dialog.getByText('2 of 2 cancelled.').waitFor()
})

it.each([-5, 5])(
  'a browser whose clock is %i days off shows ages by the clock of the gateway',
  async (days) => {
    await page.clock.setFixedTime(T0_MS + days * DAY_MS)
    await page.goto(`${own.stub.url}/console/agents/reader`)
    await button('Change the definition').waitFor()
    await page.goto(`${own.stub.url}/console/tasks`)
    await page.locator('tbody tr').first().waitFor()
    const ages = String(
      await page.evaluate(
        `[...document.querySelectorAll('main time')].map((each) => each.textContent).join(' ')`,
      ),
    )
    expect(ages).not.toMatch(/\d d ago|in \d/)
  },
)

it('a tab that was hidden for hours asks for nothing meanwhile, and has new data and the typed text when it is seen again', async () => {
  await page.clock.setFixedTime(T0_MS)
  await page.goto(`${own.stub.url}/console/approvals`)
  const note = page.getByLabel('Note to the agent (optional)')
  await note.fill(TYPED)
  const show = (hidden: boolean) =>
    page.evaluate(`(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} })
      document.dispatchEvent(new Event('visibilitychange'))
    })()`)
  await show(true)
  await pause(500)
  const before = own.stub.requests.length
  await page.clock.setFixedTime(T0_MS + 6 * 3_600_000)
  await pause(6_000)
  expect(own.stub.requests.length).toBe(before)
  around = (get, { pathname }) =>
    pathname === '/v1/tasks' ? { tasks: [{ ...ASKING, preview: 'News' }], scanned: 1 } : get()
  await show(false)
  await page.getByText('News').first().waitFor()
  expect(await note.inputValue()).toBe(TYPED)
})
