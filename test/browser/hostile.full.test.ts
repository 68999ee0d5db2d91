import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Page } from './browser.ts'
import { summaryOf } from './seeded.ts'
import { Raw } from './stub.ts'
import { openStubbedTab, type StubbedTab } from './tab.ts'
import { answer, VIEWS } from './views.ts'

/** Every view with texts that clients can choose to do harm, and with a gateway that answers wrongly. */

const LOOKS = ['light', 'dark'] as const
const SIZES = [
  [1280, 800],
  [640, 640],
  [320, 640],
] as const
/** Marks for which no font has a glyph are drawn side by side, and no line breaks between them. */
const MARKS = `Z${'\u0310\u0356\u035C'.repeat(40)}a`
const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '\u202Eשלום עולם العربية\u202C',
  '\u200B\u200D\uFEFF',
  '👩‍👩‍👧‍👦🏴‍☠️',
  'W'.repeat(300),
  MARKS,
].join('')
/** The fields whose text a client, a model or a server with another clock can choose. */
const CHOSEN =
  /^(name|agent|model|provider|tenant|preview|reason|explanation|message|code|task|role|description|tool|node|nodeId|note|person|by|driver|planner|value|person|text|goal|timeZone)$/
const IS_TIME = /^\d{4}-\d\d-\d\dT/

/** How the gateway answers now. */
let gateway: (url: URL) => unknown = answer

let tab: StubbedTab
let page: Page
const errors: string[] = []
beforeAll(async () => {
  tab = await openStubbedTab((url) => gateway(url))
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

/** Clicks every button "Try again"; returns how many there are. */
const TRY_AGAIN = `(() => {
  const again = [...document.querySelectorAll('main button')].filter(({ textContent }) => textContent === 'Try again')
  for (const button of again) button.click()
  return again.length
})()`

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
      // A view that has only found nothing asks again by itself.
      if ((await page.evaluate(TRY_AGAIN)) === 0) continue
      const text = page.locator('main').getByText(VIEWS[view] ?? '')
      await eventually(async () => {
        // A wrong answer that was still on its way may fail another part of the view.
        await page.evaluate(TRY_AGAIN)
        expect(await text.first().isVisible()).toBe(true)
      }).catch(() => found.push(`${view} did not recover`))
    }
    expect([...found, ...errors]).toEqual([])
  },
)

const ROWS = 100_000
const PAGE_ROWS = 9_980
/** What a row of the list can hold; the longest text is as long as that of a task without a limit on its preview. */
const PREVIEWS = [
  HOSTILE,
  MARKS,
  'W'.repeat(10_000),
  '\u202E',
  '\u200B'.repeat(300),
  '<b>',
  '\n\n\n\n',
  '',
]

it(`a list of ${ROWS} rows with hostile texts has rows of one height to its end, and none of them changes the next`, async () => {
  gateway = (url) => {
    if (url.pathname !== '/v1/tasks') return answer(url)
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const size = Math.min(ROWS - from, from === 0 ? PREVIEWS.length : PAGE_ROWS)
    const tasks = Array.from({ length: size }, (_, index) => {
      const at = from + index
      // Only a few of 100,000 are long: the answers would have gigabytes.
      const preview = at >= 1_000 && at < ROWS - 100 ? '\u202E<b>' : PREVIEWS[at % PREVIEWS.length]
      return { ...summaryOf(at), preview }
    })
    const next = from + size
    return { tasks, scanned: size, ...(next < ROWS ? { nextCursor: String(next) } : {}) }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
  await page.goto(`${tab.stub.url}/console/tasks`)
  await page.locator('tbody tr').first().waitFor()
  const heights = `[...new Set([...document.querySelectorAll('.tall tbody tr')].map((row) => row.offsetHeight))].join()`
  /** A text that turns the direction round, or stacks marks, must not reach what stands next to it. */
  const outside = `[...document.querySelectorAll('.tall tbody td, .tall tbody th')].filter((cell) =>
    getComputedStyle(cell).overflowX !== 'hidden' || getComputedStyle(cell.firstElementChild ?? cell).direction === 'rtl').length`
  expect([await page.evaluate(heights), await page.evaluate(outside)]).toEqual(['28', 0])
  await page.evaluate(`(async () => {
    const list = document.querySelector('.tall')
    while (!document.body.innerText.includes('This is the end of the list')) {
      list.scrollTop = list.scrollHeight
      await new Promise((resolve) => requestAnimationFrame(() => resolve()))
    }
    list.scrollTop = list.scrollHeight
  })()`)
  await page.locator(`main tbody a[href$="${summaryOf(ROWS - 1).id}"]`).waitFor()
  expect([await page.evaluate(heights), await page.evaluate(outside)]).toEqual(['28', 0])
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(1280)
  expect([await page.evaluate(SCRIPTS), ...errors]).toEqual([0])
})
