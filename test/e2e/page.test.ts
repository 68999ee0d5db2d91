import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { TaskText } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from '../browser/browser.ts'
import { openTab, type Tab } from '../browser/tab.ts'
import { joinSharedFleet, SOON_MS, type Tenant } from './tenant.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guides/pictures/', import.meta.url))

const WRITES_PICTURES = process.env['PICTURES'] === 'write'

/** The page in a real browser on the shared fleet: one way through it. The other ways are in `page-journeys.full.test.ts`. */
let test: Tenant
let tab: Tab
let page: Page
/** Errors of the page's scripts and refusals of its policy; the browser also reports answers such as 401 here. */
const faults: string[] = []
beforeAll(async () => {
  test = await joinSharedFleet('page')
  tab = await openTab()
  page = tab.page
  page.on('pageerror', ({ message }) => faults.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (401|404)/.test(message.text()))
      faults.push(message.text())
  })
}, 330_000)
afterAll(async () => {
  await tab[Symbol.asyncDispose]()
  await test[Symbol.asyncDispose]()
})

const address = (path: string) => `${test.fleet.url}/console${path}`
const heading = (name: string | RegExp) => page.getByRole('heading', { name }).first()

describe('the page', () => {
  it('is the answer to a browser that opens the gateway, and asks for a key', async () => {
    await page.goto(test.fleet.url)
    expect(page.url()).toBe(address('/'))
    await heading('This fleet needs an API key').waitFor()
    await page.getByLabel('API key').fill('a-wrong-key-0123456789')
    await page.getByRole('button', { name: 'Use the key' }).click()
    await page.getByText('The gateway does not know this key.').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await page.getByLabel('API key').fill(test.fleet.keys['page']!)
    await page.getByRole('button', { name: 'Use the key' }).click()
    await heading('Now').waitFor()
    await page.locator('.health.good').waitFor()
    expect(page.url()).not.toContain('key')
  })

  it('shows a submitted task in the list, its timeline and its result', async () => {
    const { id } = await test.client.submit({ task: '<b>Write</b> a haiku', model: 'to-good' })
    await test.ended(id)
    await page.getByRole('link', { name: 'Tasks' }).click()
    await page.getByText('<b>Write</b> a haiku').waitFor()
    await page.locator(`a[href$="${id}"]`).click()
    await page.getByText(/Completed after/).waitFor()
    await page.getByRole('rowheader', { name: 'Last answer' }).waitFor()
    await page.getByRole('button', { name: 'output' }).click()
    await page.getByRole('region', { name: 'Result' }).waitFor()
    expect(page.url()).toBe(address(`/tasks/${id}?tab=output`))
    await page.reload()
    await page.getByRole('region', { name: 'Result' }).waitFor()
    await page.getByRole('button', { name: 'UTC' }).click()
    await page.locator('time:has-text("UTC")').first().waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    const { id: steps } = await test.client.submit({
      task: 'Add up the figures of the report',
      model: 'sim-steps?n=4&ms=300',
    })
    await page.goto(address(`/tasks/${steps}`))
    await page.getByText(/Completed after/).waitFor()
    await page
      .getByRole('rowheader', { name: /^Tool / })
      .first()
      .waitFor()
    await picture('task')
    await page.getByRole('button', { name: 'Replay from start' }).click()
    await page.getByText('Replay of').waitFor()
    expect(page.url()).not.toContain(steps)
  })

  it('cancels selected tasks and can be used by keyboard alone', async () => {
    const { id } = await test.client.submit({ task: 'Wait a week', delayMs: 600_000_000 })
    await page.goto(address('/tasks?state=waiting'))
    await page.getByLabel(`Select ${id}`).check()
    await page.getByRole('button', { name: 'Cancel 1 …' }).press('Enter')
    await page.getByText('1 task would be cancelled.').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await page.getByRole('button', { name: 'Cancel 1 task' }).press('Enter')
    await page.getByText('1 of 1 cancelled.').waitFor()
    await page.keyboard.press('Escape')
    expect((await test.client.get(id)).state).toBe('cancelled')
    await page.locator('h1').focus()
    for (const key of ['g', 'f']) await page.keyboard.press(key)
    await heading('Fleet').waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Shortcuts' }).waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await page.keyboard.press('Escape')
  })

  it('shows without a reload that a step waits for a person, and the task continues when the person approves the step', async () => {
    const pay = { toolCalls: [{ name: 'pay_out', arguments: '{"amount":5}' }] }
    const model = await test.script('pay', [pay, { content: 'paid' }])
    await page.goto(address('/approvals'))
    await page.getByText('No task waits for a person.').waitFor()
    const { id } = await test.client.submit({ task: 'Pay the invoice', model, tools: ['pay_out'] })
    await page.getByRole('button', { name: 'Approve pay_out' }).click()
    await page.getByText('No task waits for a person.').waitFor()
    expect(await test.ended(id)).toMatchObject({ state: 'completed', result: 'paid' })
  })

  it('shows the whole text of a task that was already writing when the page was opened', async () => {
    const model = 'sim?ttft=50&tps=40&tokens=2000'
    const { id } = await test.client.submit({ task: 'Tell a long story', model })
    const read = async () => (await test.call(`/v1/tasks/${id}/text`)).body as TaskText
    const written = await eventually(async () => {
      const answer = await read()
      expect(answer.text.length).toBeGreaterThan(20)
      return answer
    }, SOON_MS)
    expect(written).toMatchObject({ attempt: 1, offset: 0, node: expect.stringMatching(/worker/) })
    await page.goto(address(`/tasks/${id}?tab=output`))
    const region = page.getByRole('region', { name: 'Text so far' })
    await region.waitFor()
    await eventually(async () => {
      const shown = await region.innerText()
      expect(shown.slice(0, 20)).toBe(written.text.slice(0, 20))
    }, SOON_MS)
    expect(await page.getByText('earlier parts are missing').count()).toBe(0)
    await test.client.cancel(id)
    expect(await read()).toEqual({ offset: 0, text: '' })
  })

  it('shows the plan of a goal that waits for approval, and runs the plan after a click', async () => {
    const body = { goal: 'Build a shop', model: 'sim-planner?ttft=50&tps=0', run: false }
    const { id } = (await test.call('/v1/goals', 'POST', body)).body as { id: string }
    await page.goto(address(`/goals/${id}`))
    await page.getByRole('button', { name: 'Run the plan' }).click()
    await page.getByRole('region', { name: 'Result' }).waitFor()
    expect(await page.getByRole('rowheader', { name: 'gather' }).count()).toBe(1)
  })

  it('has no accessibility violation in any view that the guide shows', async () => {
    if (WRITES_PICTURES) await submitForPictures()
    await page.goto(address('/'))
    await page.getByText('Your tasks:').waitFor()
    expect(await tab.browser.violations(page)).toEqual([])
    await picture('now')
    await page.goto(address('/tasks'))
    await page.locator('tbody th a').first().waitFor()
    await picture('tasks')
    await page.goto(address('/fleet'))
    await page.getByRole('rowheader').first().waitFor()
    await picture('fleet')
  })

  it('ran without an error and without a refusal of the content security policy', () => {
    expect(faults).toEqual([])
  })
})

/** Writes a picture of the guide when PICTURES=write; a plain run leaves the working tree unchanged. */
async function picture(name: string): Promise<void> {
  if (!WRITES_PICTURES) return
  await mkdir(PICTURES, { recursive: true })
  await page.screenshot({ path: `${PICTURES}${name}.png` })
}

/** Work of several kinds, so that the pictures have something to show. */
async function submitForPictures(): Promise<void> {
  const texts = [
    'Summarise the support tickets of last week in five sentences',
    'Compare the offers of three suppliers and name the cheapest',
    'Write release notes from the merged changes',
    'Translate the terms of use into French',
  ]
  const agents = ['assistant', 'developer', 'designer']
  const tasks = Array.from({ length: 120 }, (_, index) => ({
    task: texts[index % texts.length]!,
    agent: agents[index % agents.length]!,
    model: ['sim?ttft=300&tps=40&tokens=200', 'sim-steps?n=4&ms=800', 'to-good'][index % 3]!,
    ...(index % 17 === 4 ? { delayMs: 3_600_000 } : {}),
  }))
  const results = await test.client.submitBatch(tasks)
  await test.ended(results[60]?.taskId ?? '')
}
