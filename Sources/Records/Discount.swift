/// Whether a discount is one at all: up to 1 % is none, the rounding of a price.
package func isDiscounted(_ discount: Double) -> Bool { discount > 0.01 }
