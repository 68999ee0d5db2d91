import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Page } from './browser.ts'
import { Raw } from './stub.ts'
import { openTab, type Tab } from './tab.ts'
import { answer, VIEWS } from './views.ts'

/** Every view with texts that clients can choose to do harm, and with a gateway that answers wrongly. */

const LOOKS = ['light', 'dark'] as const
const SIZES = [
  [1280, 800],
  [640, 640],
  [320, 640],
] as const
const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '\u202Eשלום עולם العربية\u202C',
  '\u200B\u200D\uFEFF',
  '👩‍👩‍👧‍👦🏴‍☠️',
  'W'.repeat(300),
].join('')
/** The fields whose text a client, a model or a server with another clock can choose. */
const CHOSEN =
  /^(name|agent|model|provider|tenant|preview|reason|explanation|message|code|task|role|description|tool|node|nodeId|note|person|by|driver|planner|value|person|text|goal|timeZone)$/
const IS_TIME = /^\d{4}-\d\d-\d\dT/

/** How the gateway answers now. */
let gateway: (url: URL) => unknown = answer

let tab: Tab
let page: Page
const errors: string[] = []
beforeAll(async () => {
  tab = await openTab((url) => gateway(url))
  page = tab.page
  page.on('pageerror', (error) => errors.push(String(error)))
}, 300_000)
afterAll(() => tab[Symbol.asyncDispose]())
beforeEach(() => {
  errors.length = 0
})

/** The value with hostile texts, and with times that are an hour off. */
function hostile(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (CHOSEN.test(key)) return HOSTILE
    return IS_TIME.test(value) ? new Date(Date.parse(value) + 3_600_000).toISOString() : value
  }
  if (Array.isArray(value)) return value.map((each) => hostile(each, key))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, hostile(each, name)]),
  )
}

const SETTLED = `(async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => resolve()))
  const untilMs = performance.now() + 3_000
  while (performance.now() < untilMs && document.querySelector('main .loading, main h1') === null) await frame()
  while (performance.now() < untilMs && document.querySelector('main .loading') !== null) await frame()
  for (let count = 0; count < 4; count += 1) await frame()
})()`
/** The elements from which something sticks out to the right of the screen. */
const TOO_WIDE = `[...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().left + each.scrollWidth > innerWidth + 1)
  .filter((each) => getComputedStyle(each).overflowX === 'visible' && each.closest('.scroll, .rail, .tenant, pre, svg') === null)
  .map((each) => each.tagName + '.' + each.className + ': ' + each.textContent.slice(0, 30)).slice(-4).join(' | ')`
const SCRIPTS = `document.querySelectorAll('main img, main script, main iframe').length`

describe.each(LOOKS)('in the %s look, a view with hostile texts', (colorScheme) => {
  beforeAll(() => page.emulateMedia({ colorScheme }))

  it.each(SIZES)(
    'fits into a screen of %i × %i pixels and makes no element of a text',
    async (width, height) => {
      gateway = (url) => hostile(answer(url))
      await page.setViewportSize({ width, height })
      const found: string[] = []
      for (const view of Object.keys(VIEWS)) {
        await page.goto(`${tab.stub.url}/console${view}`)
        await page.evaluate(SETTLED)
        if ((await page.evaluate('document.documentElement.scrollWidth')) !== width) {
          found.push(`${view}: ${String(await page.evaluate(TOO_WIDE))}`)
        }
        if ((await page.evaluate(SCRIPTS)) !== 0) found.push(`${view} made an element of a text`)
      }
      expect([...found, ...errors]).toEqual([])
    },
  )
})

/** What a gateway, or a proxy in front of it, can answer in place of the right answer. */
const WRONG: readonly (readonly [string, () => unknown])[] = [
  ['with HTML', () => new Raw(200, 'text/html', '<h1>Welcome</h1>')],
  ['with an empty object', () => ({})],
  ['with null', () => new Raw(200, 'application/json', 'null')],
  ['with an array', () => []],
  ['with 429', () => new Raw(429, 'text/plain', 'slow down')],
  ['with 503', () => new Raw(503, 'text/html', '<h1>Bad gateway</h1>')],
]

it.each(WRONG)(
  'no view fails when the gateway answers %s, and each shows its data after a later answer',
  async (_name, wrong) => {
    await page.setViewportSize({ width: 1280, height: 800 })
    const found: string[] = []
    for (const view of Object.keys(VIEWS)) {
      gateway = (url) => (url.pathname === '/v1/me' ? answer(url) : wrong())
      await page.goto(`${tab.stub.url}/console${view}`)
      await page.evaluate(SETTLED)
      const shown = String(await page.evaluate(`document.querySelector('main')?.innerText ?? ''`))
      if (!/answer|cannot|—|No |no |You have|Again|again/.test(shown))
        found.push(`${view}: ${shown.slice(0, 80)}`)
      gateway = answer
      const clicked = await page.evaluate(`(() => {
      const again = [...document.querySelectorAll('main button')].filter(({ textContent }) => textContent === 'Try again')
      for (const button of again) button.click()
      return again.length
    })()`)
      // A view that has only found nothing asks again by itself.
      if (clicked === 0) continue
      const text = page.locator('main').getByText(VIEWS[view] ?? '')
      await text
        .first()
        .waitFor()
        .catch(() => found.push(`${view} did not recover`))
    }
    expect([...found, ...errors]).toEqual([])
  },
)
