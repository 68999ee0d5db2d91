import type { NodeColumns } from '@agentfleet/protocol'
import { shownState } from '../now/health.ts'
import type { Grid } from './layout.ts'
import { LOAD_STEPS, stepOf, type Fill } from './load-step.ts'

/**
 * Draws every cell. The colours are those of the style sheet, in the look that is shown now.
 *
 * A call of the canvas for each cell of 10,000 costs more than a frame has, so each node is one pixel of a small
 * picture; the canvas enlarges the picture and cuts its pixels to framed squares.
 */
export function paint(
  canvas: HTMLCanvasElement,
  nodes: NodeColumns,
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
  const number = nodes.id.length
  if (context === null || number === 0) return
  const { pixels, signed } = pixelsOf(nodes, grid, fill, colours)
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, width, height)
  context.imageSmoothingEnabled = false
  context.drawImage(pixels, 0, 0, width, height)
  cut(context, grid, colours)
  for (const at of signed) {
    const [x, y] = [(at % columns) * pitch, Math.floor(at / columns) * pitch]
    sign(context, shownState(nodes.state[at]!, nodes.draining[at]), x, y, cell, colours)
  }
  if (cursor === undefined || cursor >= number) return
  context.strokeStyle = colours.accent
  context.lineWidth = 2
  context.strokeRect((cursor % columns) * pitch, Math.floor(cursor / columns) * pitch, cell, cell)
}

/** A picture with a pixel for each node that simply lives, and the places of the other nodes. */
function pixelsOf(
  nodes: NodeColumns,
  { columns, rows }: Grid,
  fill: Fill,
  { bits }: Colours,
): { readonly pixels: OffscreenCanvas; readonly signed: readonly number[] } {
  const picture = new ImageData(columns, rows)
  const values = new Uint32Array(picture.data.buffer)
  const signed: number[] = []
  for (let at = 0; at < nodes.id.length; at += 1) {
    if (nodes.state[at] === 'alive' && nodes.draining[at] !== true) {
      values[at] = bits[stepOf(nodes, at, fill) - 1] ?? 0
    } else signed.push(at)
  }
  const pixels = new OffscreenCanvas(columns, rows)
  pixels.getContext('2d')?.putImageData(picture, 0, 0)
  return { pixels, signed }
}

/** Leaves the gaps between the cells free and draws the edge of each cell; where no pixel is, nothing is drawn. */
function cut(
  context: CanvasRenderingContext2D,
  { columns, rows, cell, pitch }: Grid,
  { edge }: Colours,
): void {
  const over = (operation: GlobalCompositeOperation, draw: (tile: Tile) => void) => {
    const canvas = new OffscreenCanvas(pitch, pitch)
    const tile = canvas.getContext('2d')
    if (tile === null) return
    draw(tile)
    context.globalCompositeOperation = operation
    context.fillStyle = context.createPattern(canvas, 'repeat') ?? ''
    context.fillRect(0, 0, columns * pitch, rows * pitch)
  }
  over('destination-in', (tile) => tile.fillRect(0, 0, cell, cell))
  over('source-atop', (tile) => {
    tile.fillStyle = edge
    tile.fillRect(0, 0, cell, cell)
    tile.clearRect(1, 1, cell - 2, cell - 2)
  })
  context.globalCompositeOperation = 'source-over'
}

type Tile = OffscreenCanvasRenderingContext2D

/** The colours of the cells. */
export interface Colours {
  /** The steps of the colour ramp, as pixels of a picture. */
  readonly bits: Uint32Array
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
  const steps = Array.from({ length: LOAD_STEPS }, (_, index) => colour(`load-${index + 1}`))
  const colours = {
    bits: bitsOf(steps),
    edge: colour('edge'),
    accent: colour('accent'),
    failed: colour('failed'),
    retrying: colour('retrying'),
  }
  element.style.color = before
  return colours
}

/** Colours as pixels of a picture, whatever their notation is. */
function bitsOf(colours: readonly string[]): Uint32Array {
  const context = new OffscreenCanvas(colours.length, 1).getContext('2d', {
    willReadFrequently: true,
  })
  if (context === null) return new Uint32Array(colours.length)
  colours.forEach((each, at) => {
    context.fillStyle = each
    context.fillRect(at, 0, 1, 1)
  })
  return new Uint32Array(context.getImageData(0, 0, colours.length, 1).data.buffer)
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
