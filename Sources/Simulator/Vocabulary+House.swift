extension Vocabulary {
    static let kitchen = Category(
        name: "Kitchen", code: "kit", sensitivity: 1, bulk: 0.05, refundRate: 0.04,
        brands: ["Halden & Rowe", "Norvik", "Casa Lume", "Brightwell", "Ferrante"],
        lines: [
            ProductLine(
                modifiers: ["Damascus Steel", "Stainless Steel", "Ceramic", "Hand-Forged"],
                tiers: [.professional, .signature, .classic, .essential], costShare: 0.4...0.6,
                products: [
                    Product("Chef's Knife", 28...95, "20 cm", "18 cm", "with Walnut Handle"),
                    Product("Bread Knife", 22...60, "23 cm", "with Beech Handle"),
                    Product("Santoku Knife", 26...80, "17 cm", "with Sheath"),
                    Product("Paring Knife", 12...32, "9 cm", "Set of 2"),
                ]),
            ProductLine(
                modifiers: ["Cast Iron", "Non-Stick", "Copper", "Enamelled", "Aluminium"],
                tiers: [.professional, .heritage, .everyday, .basic], costShare: 0.45...0.65,
                products: [
                    Product("Frying Pan", 24...85, "24 cm", "28 cm", "Induction Ready"),
                    Product("Casserole", 45...140, "4 L", "28 cm", "with Lid"),
                    Product("Sauté Pan", 30...95, "26 cm", "with Glass Lid"),
                    Product("Grill Pan", 28...75, "27 × 27 cm", "with Pouring Lip"),
                ]),
            ProductLine(
                modifiers: ["Bamboo", "Acacia Wood", "Plastic", "Walnut"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Chopping Board", 12...48, "40 × 30 cm", "with Juice Groove"),
                    Product("Salad Servers", 9...26, "30 cm", "Set of 2"),
                    Product("Serving Tray", 14...45, "45 cm", "with Handles"),
                ]),
            ProductLine(
                modifiers: ["Borosilicate Glass", "Stoneware", "Porcelain", "Plastic"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Mixing Bowl Set", 18...52, "3 Pieces", "5 Pieces", "with Lids"),
                    Product("Baking Dish", 14...42, "30 × 20 cm", "2.5 L"),
                    Product("Storage Jar Set", 16...48, "4 Pieces", "with Airtight Lids"),
                ]),
            ProductLine(
                modifiers: ["Cordless", "Brushed Steel", "Matte Black", "Retro", "Two-Speed"],
                tiers: Tier.technical, costShare: 0.55...0.75,
                products: [
                    Product("Hand Blender", 32...95, "800 W", "with Accessories"),
                    Product("Hand Mixer", 28...80, "450 W", "with Dough Hooks"),
                    Product("Food Chopper", 25...70, "0.5 L", "1 L"),
                ]),
        ])

    static let coffee = Category(
        name: "Coffee & Tea", code: "cof", sensitivity: 1.25, bulk: 0.3, refundRate: 0.015,
        brands: ["Blue Harbour Roasters", "Monte Alto", "Leaf & Linden", "Kinto Brew"],
        lines: [
            ProductLine(
                modifiers: ["Stainless Steel", "Matte Black", "Enamelled", "Copper"],
                tiers: [.professional, .signature, .classic, .essential], costShare: 0.4...0.6,
                products: [
                    Product("Pour-Over Kettle", 29...85, "1.2 L", "0.9 L", "with Thermometer"),
                    Product("Stovetop Kettle", 24...65, "1.7 L", "2.2 L"),
                    Product("Milk Jug", 12...30, "350 ml", "600 ml"),
                ]),
            ProductLine(
                modifiers: ["Stainless Steel", "Borosilicate Glass", "Aluminium", "Double-Walled"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("French Press", 19...60, "1 L", "350 ml", "for 8 Cups"),
                    Product("Moka Pot", 18...48, "for 3 Cups", "for 6 Cups"),
                    Product("Teapot", 20...58, "1.1 L", "with Infuser"),
                ]),
            ProductLine(
                modifiers: [
                    "Organic", "Single-Origin", "Fairtrade", "Dark Roast", "Decaffeinated",
                ],
                tiers: [.signature, .everyday, .classic], costShare: 0.45...0.65,
                products: [
                    Product("Whole Bean Coffee", 8...26, "250 g", "500 g", "1 kg"),
                    Product("Ground Coffee", 6...18, "250 g", "500 g"),
                    Product("Espresso Beans", 9...29, "500 g", "1 kg"),
                    Product("Filter Coffee", 6...19, "250 g", "2 × 250 g"),
                ]),
            ProductLine(
                modifiers: ["Organic", "Loose Leaf", "First Flush", "Fairtrade", "Flavoured"],
                tiers: [.heritage, .everyday, .classic], costShare: 0.35...0.55,
                products: [
                    Product("Green Tea", 5...19, "100 g", "50 Bags", "in Gift Tin"),
                    Product("Darjeeling", 6...22, "100 g", "20 Pyramid Bags"),
                    Product("Earl Grey", 4...15, "125 g", "50 Bags", "in Gift Tin"),
                    Product("White Tea", 7...24, "50 g", "20 Pyramid Bags"),
                ]),
            ProductLine(
                modifiers: ["Double-Walled", "Stoneware", "Porcelain", "Enamelled", "Plastic"],
                tiers: Tier.plain, costShare: 0.35...0.6,
                products: [
                    Product("Coffee Mug", 8...22, "350 ml", "Set of 2"),
                    Product("Espresso Cups", 12...38, "Set of 2", "Set of 4"),
                    Product("Travel Cup", 12...34, "360 ml", "450 ml", "with Silicone Lid"),
                ]),
        ])

    static let home = Category(
        name: "Home Textiles", code: "hom", sensitivity: 1.15, bulk: 0.12, refundRate: 0.06,
        brands: ["Linden House", "Soft Harbour", "Alba", "Weaver & Daughters"],
        lines: [
            ProductLine(
                modifiers: ["Linen", "Egyptian Cotton", "Bamboo", "Microfibre", "Flannel"],
                tiers: Tier.plain, costShare: 0.35...0.55,
                products: [
                    Product("Duvet Cover", 29...140, "140 × 200 cm", "King Size"),
                    Product("Fitted Sheet", 15...70, "90 × 200 cm", "180 × 200 cm"),
                    Product("Pillowcase Pair", 9...45, "40 × 80 cm", "in Sage Green"),
                    Product("Bed Linen Set", 39...160, "3 Pieces", "in Slate Grey"),
                ]),
            ProductLine(
                modifiers: [
                    "Egyptian Cotton", "Waffle-Weave", "Organic", "Quick-Dry", "Microfibre",
                ],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Bath Towel", 9...38, "70 × 140 cm", "Set of 2"),
                    Product("Hand Towels", 8...30, "Set of 4", "in Terracotta"),
                    Product("Bathrobe", 32...95, "Size M", "with Hood"),
                    Product("Bath Mat", 10...32, "50 × 80 cm", "in Slate Grey"),
                ]),
            ProductLine(
                modifiers: ["Merino Wool", "Linen", "Velvet", "Recycled", "Faux Fur"],
                tiers: Tier.crafted, costShare: 0.4...0.6,
                products: [
                    Product("Throw Blanket", 29...120, "130 × 170 cm", "in Natural"),
                    Product("Cushion Cover", 10...36, "45 × 45 cm", "in Terracotta"),
                    Product("Bed Runner", 25...80, "60 × 220 cm", "in Charcoal"),
                ]),
            ProductLine(
                modifiers: ["Thermal", "Linen", "Velvet", "Polyester"],
                tiers: Tier.plain, costShare: 0.45...0.65,
                products: [
                    Product("Blackout Curtains", 28...110, "140 × 245 cm", "Set of 2"),
                    Product("Roller Blind", 19...75, "80 × 180 cm", "120 × 180 cm"),
                ]),
            ProductLine(
                modifiers: ["Hand-Woven", "Jute", "Washable", "Recycled", "Polyester"],
                tiers: Tier.crafted, costShare: 0.45...0.65,
                products: [
                    Product("Area Rug", 45...220, "120 × 180 cm", "160 × 230 cm"),
                    Product("Hall Runner", 29...95, "70 × 200 cm", "in Natural"),
                    Product("Door Mat", 12...38, "60 × 40 cm", "75 × 45 cm"),
                ]),
        ])

    static let garden = Category(
        name: "Garden", code: "gar", sensitivity: 0.9, bulk: 0.18, refundRate: 0.03,
        brands: ["Greenholm", "Thistle & Spade", "Orchard Row", "Terrafine"],
        lines: [
            ProductLine(
                modifiers: ["Carbon Steel", "Hand-Forged", "Stainless Steel", "Ergonomic"],
                tiers: [.professional, .heritage, .classic, .essential], costShare: 0.4...0.6,
                products: [
                    Product("Pruning Shears", 14...58, "21 cm", "with Holster"),
                    Product("Hand Trowel", 9...28, "32 cm", "with Ash Handle"),
                    Product("Garden Fork", 22...65, "102 cm", "with Ash Handle"),
                    Product("Hedge Shears", 19...60, "55 cm", "with Wave Blade"),
                ]),
            ProductLine(
                modifiers: ["Terracotta", "Galvanised", "Self-Watering", "Plastic", "Stoneware"],
                tiers: Tier.plain, costShare: 0.4...0.65,
                products: [
                    Product("Planter", 12...85, "30 cm", "45 cm", "Set of 3"),
                    Product("Plant Pot", 5...32, "14 cm", "20 cm", "with Saucer"),
                    Product("Window Box", 11...45, "60 cm", "80 cm", "with Saucer"),
                ]),
            ProductLine(
                modifiers: ["Organic", "Heirloom", "Bee-Friendly", "Fast-Growing"],
                tiers: [.classic, .everyday, .basic], costShare: 0.25...0.45,
                products: [
                    Product("Wildflower Seed Mix", 4...19, "100 g", "for 20 m²"),
                    Product("Tomato Seeds", 3...9, "6 Varieties", "Packet of 25"),
                    Product("Herb Seed Kit", 8...26, "6 Varieties", "with Peat-Free Pots"),
                    Product("Sunflower Seeds", 3...8, "Packet of 50", "Mixed Colours"),
                ]),
            ProductLine(
                modifiers: ["Kink-Free", "Expandable", "Heavy-Duty", "Recycled"],
                tiers: Tier.technical, costShare: 0.45...0.65,
                products: [
                    Product("Garden Hose", 18...75, "15 m", "30 m", "with Spray Gun"),
                    Product("Soaker Hose", 14...40, "15 m", "25 m"),
                ]),
            ProductLine(
                modifiers: ["Waterproof", "Rechargeable", "Copper", "Plastic"],
                tiers: Tier.plain, costShare: 0.45...0.65,
                products: [
                    Product("Solar Path Lights", 16...60, "Set of 4", "Set of 6"),
                    Product("Garden Lantern", 15...55, "25 cm", "with LED Candle"),
                    Product("Solar String Lights", 12...38, "10 m", "100 LEDs"),
                ]),
        ])
}
