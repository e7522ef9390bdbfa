extension Vocabulary {
    static let tools = Category(
        name: "Tools & DIY", code: "too", sensitivity: 0.85, bulk: 0.06, refundRate: 0.035,
        brands: ["Stronghold", "Kessler", "Ironbridge", "Maker's Mate"],
        lines: [
            ProductLine(
                modifiers: ["Cordless", "Brushless", "Corded", "Heavy-Duty"],
                tiers: Tier.technical, costShare: 0.55...0.72,
                products: [
                    Product("Drill Driver", 49...220, "18 V", "12 V", "with 2 Batteries"),
                    Product("Impact Driver", 59...210, "18 V", "with Carry Case"),
                    Product("Jigsaw", 45...180, "650 W", "with 5 Blades"),
                    Product("Orbital Sander", 39...150, "125 mm", "with Dust Bag"),
                ]),
            ProductLine(
                modifiers: ["Drop-Forged", "Chrome Vanadium", "Insulated", "Ergonomic"],
                tiers: Tier.technical, costShare: 0.4...0.6,
                products: [
                    Product("Screwdriver Set", 14...65, "6 Pieces", "12 Pieces"),
                    Product("Spanner Set", 19...90, "8 Pieces", "with Storage Roll"),
                    Product("Pliers Set", 18...80, "3 Pieces", "with Storage Roll"),
                    Product("Claw Hammer", 11...42, "450 g", "570 g"),
                ]),
            ProductLine(
                modifiers: ["Stainless Steel", "Galvanised", "Assorted", "Brass"],
                tiers: [.classic, .everyday, .basic], costShare: 0.35...0.55,
                products: [
                    Product("Wood Screws", 5...24, "4 × 40 mm", "Pack of 200"),
                    Product("Picture Hooks", 4...14, "Pack of 20", "with Nails"),
                    Product("Angle Brackets", 5...20, "50 mm", "Pack of 10"),
                ]),
            ProductLine(
                modifiers: ["Rechargeable", "Waterproof", "Magnetic", "Folding"],
                tiers: Tier.technical, costShare: 0.45...0.65,
                products: [
                    Product("Work Light", 16...85, "1000 Lumens", "with Stand"),
                    Product("Head Torch", 14...60, "400 Lumens", "with Red Light"),
                    Product("Inspection Lamp", 15...55, "500 Lumens", "with Hook"),
                ]),
            ProductLine(
                modifiers: ["Self-Levelling", "Rechargeable", "Magnetic", "Waterproof"],
                tiers: [.professional, .compact, .essential], costShare: 0.45...0.65,
                products: [
                    Product("Laser Level", 32...170, "20 m", "with Tripod"),
                    Product("Cross-Line Laser", 39...190, "15 m", "with Wall Mount"),
                ]),
        ])

    static let office = Category(
        name: "Office & Stationery", code: "off", sensitivity: 0.95, bulk: 0.25, refundRate: 0.02,
        brands: ["Papermill", "Ostrander", "Inkwell & Co", "Deskline"],
        lines: [
            ProductLine(
                modifiers: ["Leather", "Recycled", "Hardcover", "Linen", "Plastic"],
                tiers: Tier.crafted + [.basic], costShare: 0.3...0.5,
                products: [
                    Product("Notebook", 6...32, "A5", "A4", "Dotted 200 Pages"),
                    Product("Weekly Planner", 10...42, "A5", "with Pen Loop"),
                    Product("Sketchbook", 8...30, "A4", "120 g Paper"),
                ]),
            ProductLine(
                modifiers: ["Brass", "Stainless Steel", "Refillable", "Wooden", "Plastic"],
                tiers: Tier.crafted, costShare: 0.35...0.55,
                products: [
                    Product("Fountain Pen", 15...85, "Medium Nib", "in Gift Box"),
                    Product("Ballpoint Pen", 4...38, "Set of 2", "in Gift Box"),
                    Product("Mechanical Pencil", 6...36, "0.5 mm", "0.7 mm"),
                ]),
            ProductLine(
                modifiers: ["Quick-Dry", "Fine-Tip", "Assorted", "Recycled"],
                tiers: [.professional, .classic, .everyday, .basic], costShare: 0.35...0.55,
                products: [
                    Product("Gel Pens", 4...18, "Pack of 6", "Pack of 12"),
                    Product("Highlighters", 4...14, "Pack of 6", "Pastel Colours"),
                    Product("Brush Pens", 8...32, "12 Colours", "24 Colours"),
                ]),
            ProductLine(
                modifiers: ["Bamboo", "Aluminium", "Adjustable", "Walnut", "Plastic"],
                tiers: Tier.plain, costShare: 0.45...0.65,
                products: [
                    Product("Monitor Stand", 22...85, "55 cm", "with Drawer"),
                    Product("Laptop Stand", 19...75, "up to 16 Inch", "Foldable"),
                    Product("Desk Organiser", 14...48, "3 Tiers", "5 Compartments"),
                ]),
            ProductLine(
                modifiers: ["Ergonomic", "Silent", "Rechargeable", "Matte Black"],
                tiers: Tier.technical, costShare: 0.55...0.75,
                products: [
                    Product("Wireless Mouse", 16...80, "Bluetooth", "with USB-C"),
                    Product("Wireless Keyboard", 29...130, "UK Layout", "with Number Pad"),
                    Product("Desk Lamp", 24...95, "with USB Port", "Dimmable"),
                ]),
            ProductLine(
                modifiers: ["Noise-Cancelling", "Rechargeable", "Foldable", "Cordless"],
                tiers: Tier.technical, costShare: 0.55...0.75,
                products: [
                    Product("Headset", 29...160, "Bluetooth", "with Microphone")
                ]),
        ])
}
