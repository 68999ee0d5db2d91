import type { NodeColumns } from '@agentfleet/protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { shownState } from '../now/health.ts'
import { open } from '../shell/router.ts'
import { theme } from '../shell/theme.ts'
import { coloursOf, paint, type Colours } from './paint.ts'
import { cellAt, gridOf, movedBy } from './layout.ts'
import type { Fill } from './load-step.ts'
import { nodeAt } from './nodes.ts'

/** Below this side a cell cannot show what it is; the name is in the line below, pixels. */
const READABLE_PX = 12

/** One cell for each node, always in the same order; the table below has the same figures. */
export function Cells({ nodes, fill }: { nodes: NodeColumns; fill: Fill }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const [cursor, setCursor] = useState<number>()
  const look = theme.value
  const [scheme, setScheme] = useState(0)
  useEffect(() => {
    const box = canvas.current?.parentElement
    if (!box) return undefined
    const sizes = new ResizeObserver(() => setWidth(box.clientWidth))
    sizes.observe(box)
    setWidth(box.clientWidth)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => setScheme((before) => before + 1)
    dark.addEventListener('change', changed)
    return () => {
      sizes.disconnect()
      dark.removeEventListener('change', changed)
    }
  }, [])
  const colours = useRef<Colours | undefined>(undefined)
  useEffect(() => {
    if (canvas.current !== null) colours.current = coloursOf(canvas.current)
  }, [look, scheme])
  const grid = gridOf(nodes.id.length, width)
  useEffect(() => {
    if (canvas.current === null || colours.current === undefined || width === 0) return
    paint(canvas.current, nodes, grid, fill, colours.current, cursor)
  }, [nodes, width, fill, cursor, look, scheme])

  const point = (event: MouseEvent) => cellAt(grid, event.offsetX, event.offsetY)
  const press = (event: KeyboardEvent) => {
    const at = cursor ?? 0
    const chosen = nodes.id[at]
    if (event.key === 'Enter' && chosen !== undefined) return open('fleet', chosen)
    const next = movedBy(event.key, at, grid, nodes.id.length)
    if (next === undefined) return
    event.preventDefault()
    setCursor(next)
  }
  const at = cursor === undefined || cursor >= nodes.id.length ? undefined : nodeAt(nodes, cursor)
  return (
    <>
      <div>
        <canvas
          ref={canvas}
          class="cells"
          tabIndex={0}
          role="application"
          aria-label="Nodes as cells. The arrow keys move, Enter opens a node. The table below has the same figures."
          aria-describedby="cell"
          onKeyDown={press}
          onFocus={() => setCursor((before) => before ?? 0)}
          onMouseMove={(event) => setCursor(point(event))}
          onClick={(event) => {
            const id = nodes.id[point(event) ?? -1]
            if (id !== undefined) open('fleet', id)
          }}
        />
      </div>
      <p id="cell" role="status" class="muted">
        {at === undefined
          ? `${grid.cell < READABLE_PX ? 'The cells are too small for names: point' : 'Point'} at a cell, or use the arrow keys.`
          : `${at.id}: ${shownState(at.state, at.draining)}, ${at.active} of ${at.slots} slots used`}
      </p>
    </>
  )
}
