use super::*;

fn blocks(html: &str) -> Vec<(Kind, String)> {
    let document = read(html.as_bytes(), &Limits::default()).unwrap();
    document.blocks.into_iter().map(|block| (block.kind, block.text)).collect()
}

fn text(html: &str) -> String {
    read(html.as_bytes(), &Limits::default()).unwrap().text()
}

#[test]
fn only_what_a_reader_sees_is_text() {
    let html = "<html><head><title>Moss</title><style>p{}</style></head><body><nav>Home</nav><script>cool()</script>
        <main><h1>Moss  care</h1><p>Water <b>twice</b>,<br>not more.<p hidden>no<p style='display : none'>no</main><footer>Imprint</footer></body></html>";
    assert_eq!(text(html), "Moss care\n\nWater twice,\nnot more.");
    let document = read(html.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.title.as_deref(), Some("Moss"));
}

#[test]
fn lists_keep_depth_and_numbers() {
    let read = blocks("<ol start=3><li><p>Dig</p><ul><li>deep</ul><li>Plant<li></ol>after");
    let expected = [
        (Kind::ListItem { depth: 0 }, "3. Dig"),
        (Kind::ListItem { depth: 1 }, "deep"),
        (Kind::ListItem { depth: 0 }, "4. Plant"),
        (Kind::Paragraph, "after"),
    ];
    assert_eq!(read, expected.map(|(kind, text)| (kind, text.to_owned())));
}

#[test]
fn tables_keep_their_columns_under_spans() {
    let read = blocks(
        "<table><caption>Beds</caption><thead><tr><th>Bed<th colspan=2>Size</thead>
         <tr><td rowspan=2>North<td>2 m<td><ul><li>a<li>b</ul><tr><td>3 m<td>c</table>",
    );
    assert_eq!(read[0].1, "Beds");
    let Kind::Table { rows, header_rows } = &read[1].0 else { panic!("{read:?}") };
    assert_eq!(*header_rows, 1);
    assert_eq!(rows[1], ["North", "2 m", "a b"]);
    assert_eq!(rows[2], ["", "3 m", "c"]);
    assert_eq!(read[1].1.lines().next(), Some("Bed | Size"));
}

#[test]
fn a_table_that_lays_out_the_page_is_walked() {
    let read =
        blocks("<table><tr><td><h2>News</h2><p>One.</td><td><table><tr><th>A</th></tr><tr><td>1</td></tr></table></td></tr></table>");
    assert_eq!(read[0], (Kind::Heading { level: 2 }, "News".into()));
    assert!(matches!(read[2].0, Kind::Table { .. }));
}

#[test]
fn code_keeps_its_lines_and_language() {
    let read = blocks("<pre><code class='language-sh'>a\n  b &lt; c\n</code></pre>");
    assert_eq!(read, [(Kind::Code { language: Some("sh".into()) }, "a\n  b < c".to_owned())]);
}

#[test]
fn deep_nesting_keeps_its_text_and_costs_little() {
    let html = format!("{}needle{}", "<div><b>".repeat(100_000), "</b></div>".repeat(100_000));
    let document = read(html.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text(), "needle");
    assert_eq!(document.warnings.len(), 1);
}

#[test]
fn an_encoding_is_taken_from_the_page_or_guessed() {
    let declared = b"<meta charset='iso-8859-2'><p>\xb1\xe6\xea";
    assert_eq!(read(declared, &Limits::default()).unwrap().text(), "ąćę");
    let undeclared = b"<p>Der Preis betrug 15,50 \x80 f\xfcr einen Kaffee.";
    assert_eq!(read(undeclared, &Limits::default()).unwrap().text(), "Der Preis betrug 15,50 € für einen Kaffee.");
}

#[test]
fn elements_of_an_xml_page_may_end_where_they_begin() {
    let page = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='x.js'/></head><body><h1>Beds<a id='x'/></h1><p/><p>Two <i/>beds.</p></body></html>";
    let document = read(page.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text(), "Beds\n\nTwo beds.");
    let page = b"<?xml version='1.0' encoding='windows-1252'?><html><body><p>Gr\xf6\xdfe \x80 5</p></body></html>";
    assert_eq!(read(page, &Limits::default()).unwrap().text(), "Gr\u{f6}\u{df}e \u{20ac} 5");
}

#[test]
fn lists_count_as_they_say_and_cells_by_role_stay_apart() {
    let page = "<ol type='a'><li>dig</li><li>rake</li></ol><div role='row'><span role='cell'>bed</span><span role='cell'>2 m</span></div>";
    assert_eq!(text(page), "a. dig\n\nb. rake\n\nbed\n\n2 m");
}

#[test]
fn what_a_style_sheet_hides_is_left_out_unless_the_page_can_show_it() {
    let page = |style: &str| {
        format!(
            "<style>{style}</style><p class='a b'>moss</p><p id=x>fern</p><table><tr class=a><td>old<tr><td>bed<td>size</table><aside>end</aside>"
        )
    };
    assert_eq!(text(&page("p { color: green }")), "moss\n\nfern\n\nold\nbed | size\n\nend");
    assert_eq!(text(&page("/* . */ .a { display : none !important }")), "fern\n\nbed | size\n\nend");
    assert_eq!(text(&page("p.b, #x{color:red;visibility:hidden} aside{DISPLAY:None}")), "old\nbed | size");
    // A rule for an element within another, or for another medium, is not read as one for all.
    assert_eq!(text(&page("div .a{display:none} @media print{.b{display:none}} #x{display:none}")), "moss\n\nold\nbed | size\n\nend");
    // A chapter that opens.
    assert_eq!(text(&page(".a{display:none} #x{display:none} .open > .a{display:block}")), "moss\n\nold\nbed | size\n\nend");
}
