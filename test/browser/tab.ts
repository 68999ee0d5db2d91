import { startBrowser, type Browser, type Page, type Session } from './browser.ts'
import { T0_MS } from './seeded.ts'
import { serveStub, type Answer, type Stub } from './stub.ts'

/** A tab of a browser. */
export interface Tab extends AsyncDisposable {
  readonly browser: Browser
  readonly session: Session
  readonly page: Page
}

/** A tab whose pages come from a stub that plays the gateway. */
export interface StubbedTab extends Tab {
  readonly stub: Stub
}

/** Where the reader of a tab lives, if it is not where the tests run. */
type Place = Parameters<Browser['newSession']>[0]

/** Opens an empty tab of a browser. */
export async function openTab(place?: Place): Promise<Tab> {
  const browser = await startBrowser()
  const session = await browser.newSession(place)
  const page = await session.newPage()
  return {
    browser,
    session,
    page,
    async [Symbol.asyncDispose]() {
      await session.close()
      await browser[Symbol.asyncDispose]()
    },
  }
}

/** Opens a tab for pages of a stub; the stub's clock stands at the time of the seeded records. */
export async function openStubbedTab(answer: Answer, place?: Place): Promise<StubbedTab> {
  const stub = await serveStub(answer, () => T0_MS)
  const tab = await openTab(place)
  return {
    ...tab,
    stub,
    async [Symbol.asyncDispose]() {
      await tab[Symbol.asyncDispose]()
      await stub[Symbol.asyncDispose]()
    },
  }
}
