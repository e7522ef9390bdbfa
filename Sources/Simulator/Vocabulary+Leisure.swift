extension Vocabulary {
    static let outdoor = Category(
        name: "Sports & Outdoor", code: "out", sensitivity: 1.05, bulk: 0.04, refundRate: 0.055,
        brands: ["Fellside", "North Ridge", "Kestrel", "Trailhead", "Aurland"],
        lines: [
            ProductLine(
                modifiers: ["Waterproof", "Ultralight", "Recycled", "Roll-Top", "Foldable"],
                tiers: Tier.technical, costShare: 0.45...0.65,
                products: [
                    Product("Hiking Backpack", 39...190, "25 L", "40 L", "with Rain Cover"),
                    Product("Day Pack", 24...85, "15 L", "20 L"),
                    Product("Duffel Bag", 32...130, "45 L", "60 L", "with Shoulder Strap"),
                ]),
            ProductLine(
                modifiers: ["Merino Wool", "Recycled", "Thermal", "Quick-Dry", "Polyester"],
                tiers: Tier.crafted + [.essential], costShare: 0.4...0.6,
                products: [
                    Product("Base Layer", 29...95, "for Women", "for Men"),
                    Product("Hiking Socks", 10...32, "2 Pairs", "Size 39–42"),
                    Product("Beanie", 12...40, "One Size", "in Charcoal"),
                    Product("Running Shirt", 19...70, "for Women", "for Men"),
                ]),
            ProductLine(
                modifiers: ["Waterproof", "Windproof", "Ultralight", "Insulated", "Recycled"],
                tiers: Tier.technical, costShare: 0.4...0.6,
                products: [
                    Product("Trekking Jacket", 59...240, "for Women", "for Men"),
                    Product("Trail Trousers", 45...140, "Regular Fit", "with Zip-Off Legs"),
                    Product("Hiking Gloves", 15...48, "Size M", "Touchscreen Compatible"),
                ]),
            ProductLine(
                modifiers: ["Ultralight", "Four-Season", "Waterproof", "Folding"],
                tiers: Tier.technical, costShare: 0.5...0.7,
                products: [
                    Product("Trekking Tent", 110...420, "for 1 Person", "for 2 Persons"),
                    Product("Family Tent", 160...480, "for 4 Persons", "for 6 Persons"),
                    Product("Tarp Shelter", 35...110, "3 × 3 m", "with Pegs"),
                ]),
            ProductLine(
                modifiers: ["Natural Rubber", "Non-Slip", "Cork", "Vinyl"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Yoga Mat", 18...75, "4 mm", "6 mm", "with Carry Strap"),
                    Product("Yoga Block", 9...24, "Set of 2", "23 × 15 cm"),
                    Product("Exercise Mat", 15...55, "180 × 60 cm", "15 mm"),
                ]),
        ])

    static let beauty = Category(
        name: "Beauty & Care", code: "bea", sensitivity: 0.75, bulk: 0.2, refundRate: 0.02,
        brands: ["Maren", "Petal & Pine", "Sol Botanica", "Clearwater Lab"],
        lines: [
            ProductLine(
                modifiers: [
                    "Vitamin C", "Hyaluronic Acid", "Retinol", "Fragrance-Free", "Organic",
                ],
                tiers: [.signature, .deluxe, .essential, .basic], costShare: 0.25...0.45,
                products: [
                    Product("Face Serum", 15...68, "30 ml", "for Dry Skin"),
                    Product("Night Cream", 14...60, "50 ml", "for Mature Skin"),
                    Product("Day Cream", 12...52, "50 ml", "with SPF 30"),
                    Product("Eye Cream", 13...48, "15 ml", "for Sensitive Skin"),
                ]),
            ProductLine(
                modifiers: ["Argan", "Sulphate-Free", "Vegan", "Volumising"],
                tiers: Tier.plain, costShare: 0.3...0.5,
                products: [
                    Product("Shampoo", 6...24, "250 ml", "500 ml", "for Curly Hair"),
                    Product("Conditioner", 6...24, "250 ml", "for Coloured Hair"),
                    Product("Hair Mask", 9...32, "200 ml", "for Dry Hair"),
                ]),
            ProductLine(
                modifiers: ["Lavender", "Sea Salt", "Sandalwood", "Organic", "Plastic-Free"],
                tiers: Tier.plain, costShare: 0.3...0.5,
                products: [
                    Product("Hand Soap", 4...16, "300 ml", "Refill 1 L"),
                    Product("Body Scrub", 8...28, "200 g", "Gift Set"),
                    Product("Bath Soak", 6...24, "500 g", "1 kg"),
                ]),
            ProductLine(
                modifiers: ["Hand-Poured", "Lavender", "Sandalwood", "Vegan"],
                tiers: Tier.crafted, costShare: 0.3...0.5,
                products: [
                    Product("Scented Candle", 9...38, "220 g", "Set of 3", "in Amber Glass"),
                    Product("Wax Melts", 5...16, "6 Pieces", "12 Pieces"),
                ]),
            ProductLine(
                modifiers: ["Rechargeable", "Waterproof", "Cordless", "Travel"],
                tiers: Tier.technical, costShare: 0.5...0.7,
                products: [
                    Product("Beard Trimmer", 24...90, "with 4 Combs", "with Charging Stand"),
                    Product("Electric Toothbrush", 26...140, "with 3 Heads", "with Travel Case"),
                    Product("Facial Cleansing Brush", 22...85, "with 2 Heads", "in Rose Gold"),
                ]),
        ])

    static let pets = Category(
        name: "Pets", code: "pet", sensitivity: 1.3, bulk: 0.35, refundRate: 0.015,
        brands: ["Waggington", "Good Paws", "Whisker Lane", "Feldmann"],
        lines: [
            ProductLine(
                modifiers: ["Grain-Free", "Organic", "Hypoallergenic", "High-Protein"],
                tiers: [.signature, .classic, .everyday, .basic], costShare: 0.55...0.72,
                products: [
                    Product("Dry Dog Food", 12...72, "2 kg", "12 kg", "with Chicken & Rice"),
                    Product("Puppy Food", 12...60, "3 kg", "with Lamb"),
                    Product("Dry Cat Food", 9...48, "1.5 kg", "4 kg", "with Salmon"),
                    Product("Senior Dog Food", 14...65, "3 kg", "10 kg"),
                ]),
            ProductLine(
                modifiers: ["Natural", "Grain-Free", "Freeze-Dried", "Soft-Baked"],
                tiers: [.classic, .everyday, .basic], costShare: 0.4...0.6,
                products: [
                    Product("Dog Treats", 4...18, "150 g", "500 g", "with Duck"),
                    Product("Cat Treats", 3...12, "60 g", "with Tuna"),
                    Product("Training Bites", 4...14, "200 g", "with Turkey"),
                ]),
            ProductLine(
                modifiers: ["Orthopaedic", "Washable", "Faux Fur", "Recycled", "Polyester"],
                tiers: Tier.plain, costShare: 0.45...0.65,
                products: [
                    Product("Dog Bed", 25...130, "90 × 70 cm", "Size L", "in Charcoal"),
                    Product("Cat Cushion", 15...48, "45 cm", "in Natural"),
                    Product("Crate Mat", 14...55, "76 × 50 cm", "Size XL"),
                ]),
            ProductLine(
                modifiers: ["Leather", "Reflective", "Hand-Woven", "Polyester"],
                tiers: Tier.crafted + [.basic], costShare: 0.4...0.6,
                products: [
                    Product("Dog Lead", 9...48, "1.2 m", "1.8 m"),
                    Product("Dog Collar", 8...38, "35–45 cm", "Size M"),
                    Product("Dog Harness", 14...55, "Size S", "Size L"),
                ]),
            ProductLine(
                modifiers: ["Natural Rubber", "Recycled", "Plastic", "Wooden"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Chew Toy", 5...18, "for Large Dogs", "for Puppies"),
                    Product("Puzzle Feeder", 9...35, "Level 1", "Level 3"),
                    Product("Treat Ball", 5...16, "7 cm", "11 cm"),
                ]),
        ])

    static let toys = Category(
        name: "Toys & Games", code: "toy", sensitivity: 1.1, bulk: 0.08, refundRate: 0.045,
        brands: ["Little Harbour", "Pinewood Play", "Brightside", "Question Mark Games"],
        lines: [
            ProductLine(
                modifiers: ["Wooden", "Magnetic", "Plastic", "Colourful"],
                tiers: Tier.plain, costShare: 0.4...0.6,
                products: [
                    Product("Building Blocks", 16...70, "60 Pieces", "in Storage Box"),
                    Product("Train Set", 25...110, "52 Pieces", "with Bridge"),
                    Product("Marble Run", 22...85, "100 Pieces", "from 5 Years"),
                    Product("Shape Sorter", 12...38, "12 Pieces", "from 18 Months"),
                ]),
            ProductLine(
                modifiers: ["Award-Winning", "Cooperative", "Illustrated", "Fast-Paced", "Travel"],
                tiers: [.deluxe, .classic], costShare: 0.4...0.6,
                products: [
                    Product("Strategy Board Game", 22...75, "2–4 Players", "from 12 Years"),
                    Product("Family Card Game", 8...24, "2–6 Players", "from 8 Years"),
                    Product("Quiz Game", 14...42, "500 Questions", "English Edition"),
                ]),
            ProductLine(
                modifiers: ["Organic", "Hand-Knitted", "Velvet", "Recycled", "Weighted"],
                tiers: Tier.crafted, costShare: 0.4...0.6,
                products: [
                    Product("Teddy Bear", 15...60, "30 cm", "45 cm", "in Gift Box"),
                    Product("Plush Rabbit", 12...45, "25 cm", "with Scarf"),
                    Product("Soft Doll", 18...55, "35 cm", "with Outfit"),
                ]),
            ProductLine(
                modifiers: ["Beginner's", "Award-Winning", "Illustrated", "Plastic-Free"],
                tiers: [.deluxe, .classic, .compact], costShare: 0.4...0.6,
                products: [
                    Product("Science Kit", 15...60, "12 Experiments", "with Guide Book"),
                    Product("Craft Kit", 10...38, "from 6 Years", "500 Pieces"),
                    Product("Origami Set", 7...22, "120 Sheets", "with Guide Book"),
                ]),
            ProductLine(
                modifiers: ["Washable", "Colourful", "Refillable", "Natural"],
                tiers: Tier.plain, costShare: 0.35...0.55,
                products: [
                    Product("Watercolour Set", 8...36, "24 Colours", "with Brushes"),
                    Product("Finger Paints", 6...20, "6 × 100 ml", "from 2 Years"),
                    Product("Felt-Tip Pens", 5...24, "12 Colours", "36 Colours"),
                ]),
        ])
}
