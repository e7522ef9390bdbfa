extension Vocabulary {
    /// Words shoppers like have a positive worth. They recur across departments, so a model that
    /// reads titles can carry what it learned of one item over to another.
    static let worths: [String: Double] = [
        // Materials.
        "Damascus Steel": 0.55, "Stainless Steel": 0.3, "Carbon Steel": 0.25, "Brushed Steel": 0.2,
        "Cast Iron": 0.35, "Copper": 0.3, "Enamelled": 0.2, "Aluminium": -0.15, "Ceramic": 0.05,
        "Bamboo": 0.25, "Borosilicate Glass": 0.2, "Stoneware": 0.15, "Porcelain": 0.2,
        "Acacia Wood": 0.3, "Walnut": 0.35, "Wooden": 0.3, "Brass": 0.3,
        "Leather": 0.35, "Cork": 0.2, "Natural Rubber": 0.25, "Terracotta": 0.1, "Jute": 0.05,
        "Linen": 0.35, "Egyptian Cotton": 0.4, "Merino Wool": 0.5, "Velvet": 0.15,
        "Flannel": 0.05, "Galvanised": 0, "Chrome Vanadium": 0.2, "Plastic": -0.6,
        "Vinyl": -0.4, "Polyester": -0.5, "Microfibre": -0.3, "Faux Fur": -0.2,
        // How it is made.
        "Hand-Forged": 0.5, "Drop-Forged": 0.25, "Hand-Woven": 0.3, "Hand-Poured": 0.3,
        "Hand-Knitted": 0.35, "Organic": 0.4, "Fairtrade": 0.25, "Recycled": 0.15, "Vegan": 0.1,
        "Plastic-Free": 0.2, "Natural": 0.2, "Heirloom": 0.25, "Single-Origin": 0.35,
        "First Flush": 0.35, "Loose Leaf": 0.15, "Dark Roast": 0.1, "Decaffeinated": -0.35,
        "Flavoured": -0.3, "Freeze-Dried": 0.2, "Soft-Baked": 0, "Grain-Free": 0.25,
        "Hypoallergenic": 0.1, "High-Protein": 0.05, "Fragrance-Free": 0.05,
        "Sulphate-Free": 0.1, "Vitamin C": 0.3, "Hyaluronic Acid": 0.35, "Retinol": 0.2,
        "Argan": 0.2, "Lavender": 0.1, "Sea Salt": 0.05, "Sandalwood": 0.1, "Volumising": -0.1,
        // What it does.
        "Waterproof": 0.3, "Windproof": 0.1, "Ultralight": 0.4, "Four-Season": 0.2,
        "Insulated": 0.25, "Double-Walled": 0.2, "Thermal": 0.1,
        "Non-Stick": 0.1, "Non-Slip": 0.1, "Kink-Free": 0.15, "Self-Watering": 0.2,
        "Bee-Friendly": 0.15, "Fast-Growing": -0.05, "Expandable": -0.25, "Foldable": -0.05,
        "Folding": -0.05, "Roll-Top": 0, "Quick-Dry": 0.05, "Washable": 0.1, "Waffle-Weave": 0.1,
        "Orthopaedic": 0.25, "Reflective": 0.05, "Weighted": 0,
        "Cordless": 0.3, "Corded": -0.45, "Brushless": 0.35, "Rechargeable": 0.25,
        "Two-Speed": -0.25, "Retro": 0.05, "Matte Black": 0.15, "Heavy-Duty": 0.2,
        "Ergonomic": 0.15, "Magnetic": 0.15, "Self-Levelling": 0.2, "Assorted": -0.3,
        "Adjustable": 0.1, "Silent": 0.15, "Noise-Cancelling": 0.4,
        "Travel": -0.1, "Refillable": 0.15, "Fine-Tip": 0.05, "Hardcover": 0.1,
        "Award-Winning": 0.45, "Cooperative": 0.2, "Illustrated": 0.1,
        "Fast-Paced": -0.1, "Colourful": -0.1, "Beginner's": -0.2,
    ]
}
