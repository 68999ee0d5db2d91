import { startBrowser, type Browser, type Page, type Session } from './browser.ts'
import { T0_MS } from './seeded.ts'
import { serveStub, type Answer, type Stub } from './stub.ts'

/** A tab of a browser whose pages come from a stub that plays the gateway. */
export interface Tab extends AsyncDisposable {
  readonly stub: Stub
  readonly browser: Browser
  readonly session: Session
  readonly page: Page
}

/** Opens a tab; the stub's clock stands at the time of the seeded records. */
export async function openTab(answer: Answer): Promise<Tab> {
  const stub = await serveStub(answer, () => T0_MS)
  const browser = await startBrowser()
  const session = await browser.newSession()
  const page = await session.newPage()
  return {
    stub,
    browser,
    session,
    page,
    async [Symbol.asyncDispose]() {
      await session.close()
      await browser[Symbol.asyncDispose]()
      await stub[Symbol.asyncDispose]()
    },
  }
}
