import type { NodeView } from '@agentfleet/protocol'
import { shownState } from '../now/health.ts'
import type { Grid } from './layout.ts'
import { LOAD_STEPS, stepOf, type Fill } from './load-step.ts'

/** Draws every cell. The colours are those of the style sheet, in the look that is shown now. */
export function paint(
  canvas: HTMLCanvasElement,
  nodes: readonly NodeView[],
  grid: Grid,
  fill: Fill,
  colours: Colours,
  cursor: number | undefined,
): void {
  const { columns, rows, cell, pitch } = grid
  const scale = devicePixelRatio
  const [width, height] = [columns * pitch, rows * pitch]
  if (canvas.width !== width * scale || canvas.height !== height * scale) {
    canvas.width = width * scale
    canvas.height = height * scale
    canvas.style.width = `${width}px`
    canvas.style.height = `${height}px`
  }
  const context = canvas.getContext('2d')
  if (context === null) return
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  nodes.forEach((node, at) => {
    const x = (at % columns) * pitch
    const y = Math.floor(at / columns) * pitch
    context.fillStyle = colours.steps[stepOf(node, fill) - 1] ?? ''
    const state = shownState(node)
    if (state === 'alive') {
      context.fillStyle = colours.edge
      context.fillRect(x, y, cell, cell)
      context.fillStyle = colours.steps[stepOf(node, fill) - 1] ?? ''
      context.fillRect(x + 1, y + 1, cell - 2, cell - 2)
    } else sign(context, state, x, y, cell, colours)
  })
  if (cursor === undefined || cursor >= nodes.length) return
  context.strokeStyle = colours.accent
  context.lineWidth = 2
  context.strokeRect((cursor % columns) * pitch, Math.floor(cursor / columns) * pitch, cell, cell)
}

/** The colours of the cells. */
export interface Colours {
  readonly steps: readonly string[]
  readonly edge: string
  readonly accent: string
  readonly failed: string
  readonly retrying: string
}

/** Reads the colours of the look that is shown now from the style sheet. */
export function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element)
  // A custom property keeps its text, so `light-dark()` is resolved by a property that has a colour.
  const before = element.style.color
  const colour = (name: string) => {
    element.style.color = `var(--${name})`
    return style.color
  }
  const colours = {
    steps: Array.from({ length: LOAD_STEPS }, (_, index) => colour(`load-${index + 1}`)),
    edge: colour('edge'),
    accent: colour('accent'),
    failed: colour('failed'),
    retrying: colour('retrying'),
  }
  element.style.color = before
  return colours
}

/** A node that does not simply live has its own shape: triangle, bars, cross, or a hollow square. */
function sign(
  context: CanvasRenderingContext2D,
  state: string,
  x: number,
  y: number,
  cell: number,
  colours: Colours,
): void {
  context.lineWidth = Math.max(2, cell / 6)
  context.beginPath()
  switch (state) {
    case 'suspect':
      context.moveTo(x + cell / 2, y)
      context.lineTo(x + cell, y + cell)
      context.lineTo(x, y + cell)
      context.fillStyle = colours.retrying
      context.fill()
      return
    case 'stalled':
      context.fillStyle = colours.retrying
      context.fillRect(x, y, cell / 3, cell)
      context.fillRect(x + (cell * 2) / 3, y, cell / 3, cell)
      return
    case 'dead':
      context.strokeStyle = colours.failed
      context.moveTo(x + 1, y + 1)
      context.lineTo(x + cell - 1, y + cell - 1)
      context.moveTo(x + cell - 1, y + 1)
      context.lineTo(x + 1, y + cell - 1)
      context.stroke()
      return
    default:
      context.strokeStyle = colours.edge
      context.strokeRect(x + 1, y + 1, cell - 2, cell - 2)
  }
}
