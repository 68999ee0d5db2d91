import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { FAILURE_CODES } from '@agentfleet/domain'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Page } from './browser.ts'
import { T0_MS } from './seeded.ts'
import { openStubbedTab, type StubbedTab } from './tab.ts'
import { answer, VIEWS } from './views.ts'

/**
 * Every view and dialog in both looks, with data and a clock that never change: no violation of WCAG 2.2 AA, and six
 * views look as in the stored pictures. PICTURES=write stores them again.
 */

const PICTURES = fileURLToPath(new URL('pictures/', import.meta.url))
/** Pixels that may differ: the edge of a letter on another processor. */
const DIFFERENT_MAX = 0.001
const LOOKS = ['light', 'dark'] as const
/** Far more than all answers of a view take on a busy machine, milliseconds. */
const REST_WITHIN_MS = 60_000

let tab: StubbedTab
let page: Page
beforeAll(async () => {
  tab = await openStubbedTab(answer)
  page = tab.page
  await page.clock.setFixedTime(T0_MS)
}, 300_000)
afterAll(() => tab[Symbol.asyncDispose]())

/** The views that have a stored picture. */
const PICTURED = Object.keys(VIEWS).slice(0, 6)

/** The elements that are not in a box that scrolls and end to the right of the screen. */
const TOO_WIDE = `[...document.querySelectorAll('body *')]
  .filter((each) => each.getBoundingClientRect().right > innerWidth && each.closest('.scroll, .rail') === null)
  .map(({ outerHTML }) => outerHTML.slice(0, 100)).slice(0, 4).join(' | ')`

/** The columns of long tables that have no room for a word. */
const TOO_NARROW = `[...document.querySelectorAll('.rows:not(.stacked) thead th')]
  .filter((each) => each.getBoundingClientRect().width < 40).map((each) => each.textContent)`

/** The tables that are read by scrolling sideways. */
const SIDEWAYS = `[...document.querySelectorAll('.scroll:not(.plan)')]
  .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.getAttribute('aria-label'))`

/** Gives all text the distances of WCAG 1.4.12, as a reader's own style sheet does. */
const SPACED = `(() => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }')
  document.adoptedStyleSheets = [sheet]
})()`

/** Each dialog, by the view and the button that opens it. */
const DIALOGS = [
  ['/tasks', 'Shortcuts'],
  ['/tasks', 'Cancel all that match …'],
  ['/tasks', 'Replay all that match …'],
  ['/fleet/worker-00001', 'Drain the node …'],
  ['/agents/reviewer', 'Change the definition'],
] as const

async function open(view: string): Promise<void> {
  await page.goto(`${tab.stub.url}/console${view}`)
  await page
    .locator('main')
    .getByText(VIEWS[view] ?? '')
    .first()
    .waitFor()
  await vi.waitUntil(isAtRest, { timeout: REST_WITHIN_MS, interval: 0 })
}

/**
 * Whether the page draws nothing more. Each panel has a request, so the text of one panel says nothing about the
 * others; the canvas is sized in one frame and drawn in the next.
 */
async function isAtRest(): Promise<boolean> {
  const before = tab.stub.requests.length
  const isStill = await page.evaluate(STILL)
  return isStill === true && tab.stub.unanswered() === 0 && tab.stub.requests.length === before
}

/** Whether nothing changes in some frames, and nothing loads. */
const STILL = `(async () => {
  let changes = 0
  const observer = new MutationObserver((records) => (changes += records.length))
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
  for (let frame = 0; frame < 8; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve))
  observer.disconnect()
  await document.fonts.ready
  return changes === 0 && document.querySelector('[aria-busy="true"]') === null
})()`

describe.each(LOOKS)('the page in the %s look', (colorScheme) => {
  beforeAll(() => page.emulateMedia({ colorScheme }))

  it('has no violation of WCAG 2.2 AA in any view or dialog', async () => {
    const found: string[] = []
    for (const view of Object.keys(VIEWS)) {
      await open(view)
      found.push(...(await tab.browser.violations(page)).map((line) => `${view} ${line}`))
    }
    for (const [view, button] of DIALOGS) {
      await open(view)
      await page.getByRole('button', { name: button }).click()
      found.push(...(await tab.browser.violations(page)).map((line) => `${button} ${line}`))
    }
    expect(found).toEqual([])
  })

  it.each(PICTURED)('looks the same at %s as in the stored picture', async (view) => {
    await open(view)
    const name = `${view.split('/')[1] || 'now'}${view.split('/').length > 2 ? '-one' : ''}`
    const file = `${PICTURES}${name}-${colorScheme}.png`
    const drawn = await page.screenshot({})
    if (process.env['PICTURES'] === 'write') {
      await mkdir(PICTURES, { recursive: true })
      await writeFile(file, drawn)
    }
    expect(await difference(drawn, await readFile(file))).toBeLessThanOrEqual(DIFFERENT_MAX)
  })
})

/** The error codes that a row of the list of tasks cuts; a list whose rows are cards has no such column. */
const cutCodes = (codes: readonly string[]) => `(() => {
  const cell = document.querySelector('.rows:not(.stacked) td[data-title="Error"]:not(:empty)')
  return cell === null ? ['the list has no column of errors'] : ${JSON.stringify(codes)}.filter((code) => {
    cell.firstElementChild.textContent = code
    return cell.scrollWidth > cell.clientWidth
  })
})()`

it.each([1_280, 1_440, 1_920])(
  'each error code of a task can be read whole in the list of tasks on a screen of %i pixels',
  async (width) => {
    await page.setViewportSize({ width, height: 800 })
    await open('/tasks')
    const codes = Object.entries(FAILURE_CODES).filter(([, row]) => 'task' in row)
    expect(await page.evaluate(cutCodes(codes.map(([code]) => code)))).toEqual([])
  },
)

describe.each([
  [640, 'of 200 %'],
  [320, 'of 400 %'],
])('the page on a screen of %i pixels, as with a zoom %s', (width) => {
  beforeAll(() => page.setViewportSize({ width, height: 640 }))

  it('can be read without horizontal scrolling in every view, also with more space between letters and lines', async () => {
    const found: string[] = []
    const look = async (view: string) => {
      if ((await page.evaluate('document.documentElement.scrollWidth')) !== width) {
        found.push(`${view}: ${String(await page.evaluate(TOO_WIDE))}`)
      }
      for (const script of [TOO_NARROW, SIDEWAYS]) {
        found.push(...((await page.evaluate(script)) as string[]).map((name) => `${view} ${name}`))
      }
    }
    for (const view of Object.keys(VIEWS)) {
      await open(view)
      await look(view)
      // The rules do not depend on the width, except for the size and the distance of what can be clicked.
      if (width === 320) {
        found.push(...(await tab.browser.violations(page)).map((line) => `${view} ${line}`))
      }
      await page.evaluate(SPACED)
      await look(`${view} with more space`)
    }
    expect(found).toEqual([])
  })
})

/** The share of pixels that differ visibly between two pictures, which the browser itself compares. */
async function difference(one: Buffer, other: Buffer): Promise<number> {
  if (one.equals(other)) return 0
  const blank = await tab.session.newPage()
  const share = await blank.evaluate(`(async () => {
    const pixels = async (base64) => {
      const image = new Image()
      image.src = 'data:image/png;base64,' + base64
      await image.decode()
      const canvas = new OffscreenCanvas(image.width, image.height)
      const context = canvas.getContext('2d')
      context.drawImage(image, 0, 0)
      return context.getImageData(0, 0, image.width, image.height)
    }
    const [a, b] = await Promise.all(['${one.toString('base64')}', '${other.toString('base64')}'].map(pixels))
    if (a.width !== b.width || a.height !== b.height) return 1
    let different = 0
    for (let at = 0; at < a.data.length; at += 4) {
      const far = [0, 1, 2].some((part) => Math.abs(a.data[at + part] - b.data[at + part]) > 24)
      if (far) different += 1
    }
    return different / (a.width * a.height)
  })()`)
  await blank.close()
  return share as number
}
