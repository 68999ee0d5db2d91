import { useEffect, useRef } from 'preact/hooks'
import { keyWanted, refusedKey } from '../api/key.ts'
import { useLoad } from '../api/load.ts'
import { me, owner, readMe } from '../api/me.ts'
import { ViewOf } from './views.tsx'
import { KeyEntry } from './key-entry.tsx'
import { Boundary } from '../parts/boundary.tsx'
import { focusHeading } from '../parts/heading.ts'
import { Help } from './help.tsx'
import { helpOpen, listenForKeys } from './keys.ts'
import { Rail } from './rail.tsx'
import { followLink, place } from './router.ts'
import { VIEWS } from './routes.ts'
import { TopBar } from './top-bar.tsx'

/** The scopes of a key never change, but a key expires; milliseconds. */
const ME_EVERY_MS = 60_000

/** The page: navigation, top bar and the view that the address names. */
export function App() {
  const { view, id } = place.value
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const title = VIEWS.find(({ name }) => name === view)?.title ?? 'Not found'

  const caller = useLoad('me', (signal) => readMe({ signal }), ME_EVERY_MS)
  useEffect(() => {
    me.value = caller.value
  }, [caller.value])
  useEffect(listenForKeys, [])
  useEffect(() => {
    document.title = `${id === undefined ? title : `${id} · ${title}`} · AgentFleet`
    // The first view leaves the focus where the browser put it.
    if (!first.current) focusHeading()
    first.current = false
  }, [title, id, keyWanted.value])
  // A view whose key was refused waits for another key, so that what the reader has entered is not lost.
  const waits = keyWanted.value && refusedKey.value !== undefined

  return (
    <div class="page" onClick={followLink}>
      <a class="skip" href="#main" target="_self" onClick={() => main.current?.focus()}>
        Skip to the content
      </a>
      <TopBar />
      <Rail view={view} />
      <main id="main" ref={main} tabIndex={-1}>
        {keyWanted.value && <KeyEntry />}
        {(!keyWanted.value || waits) && (
          <div key={owner.value} hidden={waits}>
            <Boundary key={`${view} ${id}`}>
              <ViewOf view={view} id={id} />
            </Boundary>
          </div>
        )}
      </main>
      {helpOpen.value && <Help />}
    </div>
  )
}
