package dev.halcyon.backend.cpu.product;

/// The ways to compute a product.
public enum ProductForm {
    /// Tiles along k over rows of the weight as they are stored, block-scaled ones decoded a few
    /// rows at a time.
    ROWS("rows"),
    /// Tiles over panels that the weight is stored in.
    PANEL("panel"),
    /// Tiles over panels that are packed on the way; groups of few rows take [#ROWS] where the
    /// storage allows it.
    PACKING("packing");

    private final String label;

    ProductForm(String label) {
        this.label = label;
    }

    /// {@return the last part of an implementation's name}
    public String label() {
        return label;
    }
}
