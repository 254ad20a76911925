package com.norikv.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Maven refuses a pom that says something twice; where there is no Maven nobody else would see it. */
class PomTest {
    // Below these the same element may come again.
    private static final Set<String> LISTS = Set.of(
        "licenses", "developers", "dependencies", "extensions", "plugins", "executions", "goals", "excludes", "includes");

    @Test
    void thePomSaysNothingTwice() throws Exception {
        Element project = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(Path.of("pom.xml").toFile()).getDocumentElement();
        assertEquals("project", project.getTagName());
        refuseTwins(project);
    }

    private static void refuseTwins(Element parent) {
        Set<String> seen = new HashSet<>();
        for (Node child = parent.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child instanceof Element element) {
                assertTrue(seen.add(element.getTagName()) || LISTS.contains(parent.getTagName()),
                    () -> "pom.xml: <" + parent.getTagName() + "> has <" + element.getTagName() + "> twice");
                refuseTwins(element);
            }
        }
    }
}
